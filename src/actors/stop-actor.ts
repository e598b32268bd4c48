import type { AnyActorRef } from 'xstate';

/**
 * Stops an actor that was made with `createActor(logic, { parent })`: its public `stop` throws, and nobody else stops it.
 * This is the event that XState itself puts into an actor's mailbox to stop it.
 */
export function stopActor(actor: AnyActorRef): void {
  actor.send({ type: 'xstate.stop' });
}
