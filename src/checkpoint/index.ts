/**
 * Where durable workflows are kept: in memory, in a folder, or in a store of your own.
 *
 * @module
 */
export type { Blob } from '../log/codec.ts';
export type { ForkOrigin, LogMessage, RunStatus } from '../log/messages.ts';
export type * from './checkpointer.ts';
export { fileCheckpointer, type FileCheckpointerOptions } from './file.ts';
export { memoryCheckpointer } from './memory.ts';
export { historyOf, pageOf, readQuery, type PagePosition } from './reading.ts';
export { settingsOf } from './settings.ts';
