import type { InspectionEvent } from 'xstate';

/** Gets XState's inspection events: a function, or an observer. */
export type Inspector = ((event: InspectionEvent) => void) | { next?(event: InspectionEvent): void };

/** An inspector that cannot disturb the actors it watches. */
export function guardInspector(
  inspector: Inspector,
  report: (error: unknown) => void,
): (event: InspectionEvent) => void {
  return (event) => {
    try {
      if (typeof inspector === 'function') inspector(event);
      else inspector.next?.(event);
    } catch (error) {
      report(error);
    }
  };
}
