import type { AnyRoutine, RoutineErrorPolicy } from './contract.ts';

/** A connection as it was made. */
export interface Connection {
  readonly from: { readonly routine: string; readonly event: string };
  readonly to: { readonly routine: string; readonly slot: string };
  readonly map: ((value: never) => unknown) | undefined;
}

/** What a flow is made of. */
export interface FlowParts {
  readonly name: string;
  readonly routines: ReadonlyMap<string, AnyRoutine>;
  readonly connections: readonly Connection[];
  readonly onError: RoutineErrorPolicy | undefined;
}
