import type { ContextWriteMessage, LogMessage } from '../log/messages.ts';

/** A question that was recorded, and how it was answered, where it was. */
export interface RecordedQuestion {
  readonly resolution: { readonly value: unknown } | { readonly error: unknown } | undefined;
  /** Whether it has been asked again. */
  isAsked: boolean;
  /** Whether its answer has had its turn. */
  isDue: boolean;
  /** Gives the answer, once the question is asked again. */
  deliver: (() => void) | undefined;
}

interface OpenQuestion extends RecordedQuestion {
  resolution: RecordedQuestion['resolution'];
}

/** What one invocation did besides calling. */
interface Acts {
  /** By their keys. */
  readonly questions: Map<string, OpenQuestion[]>;
  readonly writes: string[];
  readonly leftOut: Map<string, number>;
}

/** What the invocations that run again asked and wrote, to be found again in the same order. */
export class ReplayActs {
  readonly #acts = new Map<number, Acts>();
  readonly #asked = new Map<string, number>();

  addWrite({ ordinal, key }: ContextWriteMessage): void {
    this.#of(ordinal).writes.push(key);
  }

  /** Takes what was recorded; gives the question that it asks or answers, where it does. */
  add(message: LogMessage): RecordedQuestion | undefined {
    switch (message.type) {
      case 'Interrupt': {
        const { questions } = this.#of(message.ordinal);
        const asked = questions.get(message.key) ?? [];
        questions.set(message.key, asked);
        const question = { resolution: undefined, isAsked: false, isDue: false, deliver: undefined };
        asked.push(question);
        return question;
      }
      case 'InterruptResolved':
        return this.#resolve(message, { value: message.value });
      case 'InterruptWithdrawn':
        return this.#resolve(message, { error: message.error });
      case 'NodeLeftOut': {
        const { leftOut } = this.#of(message.ordinal);
        leftOut.set(message.name, (leftOut.get(message.name) ?? 0) + 1);
        return undefined;
      }
      default:
        return undefined;
    }
  }

  takeQuestion(ordinal: number, key: string): RecordedQuestion | undefined {
    const asked = this.#acts.get(ordinal)?.questions.get(key);
    if (asked === undefined) return undefined;
    const place = `${ordinal} ${key}`;
    const count = this.#asked.get(place) ?? 0;
    this.#asked.set(place, count + 1);
    const question = asked[count];
    if (question !== undefined) question.isAsked = true;
    return question;
  }

  takeWrite(ordinal: number, key: string): boolean {
    const writes = this.#acts.get(ordinal)?.writes;
    const index = writes?.indexOf(key) ?? -1;
    if (writes === undefined || index === -1) return false;
    writes.splice(index, 1);
    return true;
  }

  takeLeftOut(ordinal: number, name: string): boolean {
    const leftOut = this.#acts.get(ordinal)?.leftOut;
    const count = leftOut?.get(name) ?? 0;
    if (leftOut === undefined || count === 0) return false;
    leftOut.set(name, count - 1);
    return true;
  }

  #resolve(
    { ordinal, key }: { readonly ordinal: number; readonly key: string },
    resolution: RecordedQuestion['resolution'],
  ): RecordedQuestion | undefined {
    // The oldest open question of a key is the one that is answered.
    const question = this.#of(ordinal)
      .questions.get(key)
      ?.find((each) => each.resolution === undefined);
    if (question !== undefined) question.resolution = resolution;
    return question;
  }

  #of(ordinal: number): Acts {
    const known = this.#acts.get(ordinal);
    if (known !== undefined) return known;
    const acts: Acts = { questions: new Map(), writes: [], leftOut: new Map() };
    this.#acts.set(ordinal, acts);
    return acts;
  }
}
