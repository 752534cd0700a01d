// Events where the platform lacks them (Node before 23 has no CloseEvent).
interface CloseDetail {
  code: number;
  reason: string;
  wasClean: boolean;
}

class PlainCloseEvent extends Event {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;

  constructor(detail: CloseDetail) {
    super('close');
    this.code = detail.code;
    this.reason = detail.reason;
    this.wasClean = detail.wasClean;
  }
}

export function closeEvent(detail: CloseDetail): CloseEvent {
  if (typeof CloseEvent === 'function') return new CloseEvent('close', detail);
  return new PlainCloseEvent(detail) as CloseEvent;
}

/** An error event of which the reference's callers read `message`. */
export function errorEvent(message: string, error: unknown): Event & { message: string } {
  return Object.assign(new Event('error'), { message, error });
}
