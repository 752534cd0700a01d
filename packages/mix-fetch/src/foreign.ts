// Objects of another implementation than the platform's own: of another realm, of a polyfill, of
// undici's package. They are known by their shape, and bodies are turned into the platform's.

/** A Request, whoever made it. */
export function isRequest(input: unknown): input is Request {
  if (input instanceof Request) return true;
  if (typeof input !== 'object' || input === null) return false;
  const { url, method, headers, arrayBuffer } = input as Partial<Request>;
  const named = typeof url === 'string' && typeof method === 'string';
  return named && typeof headers === 'object' && typeof arrayBuffer === 'function';
}

const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

async function ownBlob(value: Blob): Promise<Blob> {
  if (value instanceof Blob) return value;
  const foreign: Blob = value;
  return new Blob([await foreign.arrayBuffer()], { type: foreign.type });
}

async function ownForm(form: FormData): Promise<FormData> {
  const own = new FormData();
  for (const [name, value] of form as unknown as Iterable<[string, string | File]>) {
    if (typeof value === 'string') own.append(name, value);
    else own.append(name, await ownBlob(value), value.name);
  }
  return own;
}

/** The same body as the platform's Response takes it. */
export async function ownBody<T>(
  body: T,
): Promise<T | Blob | FormData | URLSearchParams | Uint8Array> {
  if (typeof body !== 'object' || body === null) return body;
  switch (tagOf(body)) {
    case 'Blob':
    case 'File':
      return ownBlob(body as unknown as Blob);
    case 'FormData':
      // That of npm's form-data only bears the name: it is a stream.
      if (body instanceof FormData || !(Symbol.iterator in body)) return body;
      return ownForm(body as unknown as FormData);
    case 'URLSearchParams':
      return body instanceof URLSearchParams ? body : new URLSearchParams(String(body));
    default:
      return body;
  }
}

/** A signal, whoever made it. @throws TypeError for what cannot be one */
export function checkedSignal(signal: unknown): AbortSignal | undefined {
  if (signal === null || signal === undefined) return undefined;
  const { aborted, addEventListener, removeEventListener } = signal as Partial<AbortSignal>;
  const listens =
    typeof addEventListener === 'function' && typeof removeEventListener === 'function';
  if (typeof signal !== 'object' || typeof aborted !== 'boolean' || !listens) {
    throw new TypeError('signal: expected an AbortSignal');
  }
  return signal as AbortSignal;
}
