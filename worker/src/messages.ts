// Messages to other clients that are on their way: who waits for which, under two names: the
// caller's id and the engine's job.
import { errorFields } from './errors.ts';
import type { ErrorFields, Outcome } from './protocol.ts';

interface Sending {
  id: number;
  resolve: (outcome: Outcome<void>) => void;
}

const ABORTED: ErrorFields = errorFields('ABORTED', 'the operation was aborted');

export class MessageJobs {
  readonly #byJob = new Map<number, Sending>();

  /** Resolves by `settle`, `cancel` or `failAll`. */
  add(id: number, job: number): Promise<Outcome<void>> {
    return new Promise((resolve) => {
      this.#byJob.set(job, { id, resolve });
    });
  }

  /** Jobs that are none of ours are ignored. */
  settle(job: number, outcome: Outcome<void>): void {
    this.#byJob.get(job)?.resolve(outcome);
    this.#byJob.delete(job);
  }

  /** Returns the job that the engine should forget, if it still runs. */
  cancel(id: number): number | undefined {
    for (const [job, sending] of this.#byJob) {
      if (sending.id !== id) continue;
      this.settle(job, { ok: false, error: ABORTED });
      return job;
    }
    return undefined;
  }

  failAll(error: ErrorFields): void {
    for (const job of [...this.#byJob.keys()]) this.settle(job, { ok: false, error });
  }
}
