/** What a body's return value turns out to be. */
export interface BodyListener {
  /** A value that a generator yielded. */
  onChunk(chunk: unknown): void;
  onReturn(value: unknown): void;
  onThrow(error: unknown): void;
  /** Whether the attempt was stopped: a generator is then closed, not asked further. */
  isStopped(): boolean;
}

type AnyGenerator = Generator<unknown, unknown> | AsyncGenerator<unknown, unknown>;

/** Follows what a body returned to its value: a promise to its end, a generator through its chunks. Returns the generator, to be closed. */
export function follow(value: unknown, listener: BodyListener): void {
  if (isPromiseLike(value)) {
    value.then(
      (late) => follow(late, listener),
      (error: unknown) => listener.onThrow(error),
    );
    return;
  }
  const kind = generatorKind(value);
  if (kind === undefined) listener.onReturn(value);
  else if (kind === 'sync') consume(value as Generator<unknown, unknown>, listener);
  else
    consumeAsync(value as AsyncGenerator<unknown, unknown>, listener).catch((error: unknown) =>
      listener.onThrow(error),
    );
}

/** Whether a value is a promise, or anything that an `await` would wait for. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}

/** Whether a value is an async generator. */
export function isAsyncGenerator(value: unknown): boolean {
  return generatorKind(value) === 'async';
}

/** Whether a function is written as an async one, which is known without calling it. */
export function isAsyncFunction(body: unknown): boolean {
  const tag = Object.prototype.toString.call(body);
  return tag === '[object AsyncFunction]' || tag === '[object AsyncGeneratorFunction]';
}

/** Which kind of generator a value is. */
export function generatorKind(value: unknown): 'sync' | 'async' | undefined {
  if (typeof value !== 'object' || value === null || !('next' in value)) return undefined;
  switch (Object.prototype.toString.call(value)) {
    case '[object Generator]':
      return 'sync';
    case '[object AsyncGenerator]':
      return 'async';
    default:
      return undefined;
  }
}

function consume(generator: Generator<unknown, unknown>, listener: BodyListener): void {
  const chunks: unknown[] = [];
  let returned: unknown;
  try {
    for (;;) {
      const step = generator.next();
      if (step.done === true) {
        returned = step.value;
        break;
      }
      if (listener.isStopped()) {
        generator.return(undefined);
        return;
      }
      chunks.push(step.value);
      listener.onChunk(step.value);
    }
  } catch (error) {
    listener.onThrow(error);
    return;
  }
  listener.onReturn(returned === undefined ? chunks : returned);
}

async function consumeAsync(
  generator: AsyncGenerator<unknown, unknown>,
  listener: BodyListener,
): Promise<void> {
  const chunks: unknown[] = [];
  for (;;) {
    const step = await generator.next();
    if (step.done === true) {
      listener.onReturn(step.value === undefined ? chunks : step.value);
      return;
    }
    if (listener.isStopped()) {
      close(generator);
      return;
    }
    chunks.push(step.value);
    listener.onChunk(step.value);
  }
}

/** Closes a generator whose attempt was stopped; what its `finally` throws has nobody left to tell. */
function close(generator: AnyGenerator): void {
  Promise.resolve(generator.return(undefined)).catch(() => undefined);
}
