import { CheckpointError } from '../errors.ts';
import type { FileConnection } from './file-connection.ts';
import { damagedStore } from './file-errors.ts';
import { textOf } from './file-rows.ts';

const VERSION = 1;

/**
 * A workflow has one row from the moment that somebody takes its lease; those of removed workflows are used again (`name`
 * is null, `generation` one more). `name` is the id in UTF-16, which compares as strings do here, whatever is in it.
 *
 * `lease` and `head` are sealed JSON. What SQL has to compare stands in a column besides: `created_at` and `status` as in
 * the head, `ended_at` only of one that has ended, and `revision`, which counts how often the head was written. Giving a
 * lease up changes the token, so that the token fences whatever the lease says.
 *
 * What finds a workflow stands in an index as well, so that SQLite itself can tell whether one is not found for damage.
 *
 * `position` is the number of the workflow times 2^32, plus how many entries there are before those of the row.
 */
const OBJECTS = [
  `TABLE workflows (
  number INTEGER PRIMARY KEY,
  name BLOB UNIQUE,
  generation INTEGER NOT NULL,
  token INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  lease TEXT NOT NULL,
  created_at INTEGER,
  status TEXT,
  ended_at INTEGER,
  head TEXT
)`,
  'INDEX workflows_by_status ON workflows (status, created_at, name) WHERE status IS NOT NULL',
  `TABLE entries (
  position INTEGER PRIMARY KEY,
  seal TEXT NOT NULL,
  text TEXT NOT NULL
)`,
  `TABLE blobs (
  number INTEGER NOT NULL,
  hash TEXT NOT NULL,
  seal TEXT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (number, hash)
) WITHOUT ROWID`,
  // What the tokens of removed workflows have come to, so that an id that is used again begins above.
  'TABLE tokens (id INTEGER PRIMARY KEY, floor INTEGER NOT NULL)',
  // Entries with the head that goes with them, as one statement: a transaction of two takes twice its time.
  `VIEW batches AS SELECT workflows.*, token AS next_token, position, seal, text FROM workflows, entries`,
  `TRIGGER write_batch INSTEAD OF INSERT ON batches BEGIN
  SELECT RAISE(ABORT, 'The lease is not the newest one') WHERE NOT EXISTS (
    SELECT 1 FROM workflows WHERE number = NEW.number AND token = NEW.token AND revision = NEW.revision - 1
  );
  INSERT INTO entries SELECT NEW.position, NEW.seal, NEW.text WHERE NEW.seal IS NOT NULL;
  UPDATE workflows SET token = NEW.next_token, revision = NEW.revision, lease = NEW.lease, created_at = NEW.created_at,
    status = NEW.status, ended_at = NEW.ended_at, head = NEW.head WHERE number = NEW.number;
END`,
];

/**
 * Makes the tables where there are none. What is there must be exactly what is wanted: with a type that was changed by
 * damage, SQLite would compare in another way and not find what is there.
 *
 * Throws {@link CheckpointError} for a store of a newer version, a database of somebody else, and a damaged one.
 *
 * @param mustExist - What there should be already.
 */
export function prepareSchema(connection: FileConnection, path: string, mustExist: boolean): void {
  const before = readSchema(connection);
  assertVersion(path, before);
  if (before.objects === '') {
    if (mustExist) throw lostTables(path);
    createSchema(connection);
  }
  const { objects, version } = readSchema(connection);
  if (version !== VERSION || objects !== OBJECTS.map((object) => `CREATE ${object}`).join('\n'))
    throw damagedStore(
      path,
      'its tables are not those of a store',
      'If it is something else, name another folder.',
    );
}

/** The error for a store without its tables. */
export function lostTables(path: string): CheckpointError {
  return damagedStore(path, 'it is empty, but was not', 'To begin anew, delete all files of the folder.');
}

interface Schema {
  readonly version: number;
  readonly objects: string;
}

function readSchema(connection: FileConnection): Schema {
  const [found] = connection.all(
    `SELECT user_version + 0 AS version,
      CAST((SELECT group_concat(sql, char(10)) FROM (SELECT sql FROM sqlite_schema ORDER BY rowid)) AS BLOB) AS objects
    FROM pragma_user_version`,
  );
  return { version: Number(found?.['version']), objects: textOf(found?.['objects']) };
}

function assertVersion(path: string, { version, objects }: Schema): void {
  if (version > VERSION)
    throw new CheckpointError(`The store "${path}" was written by a newer version of Troupe`, {
      hint: 'Update Troupe, or name another folder.',
    });
  if (version === 0 && objects !== '')
    throw new CheckpointError(`The database "${path}" is no store of Troupe`, {
      hint: 'Name another folder.',
    });
}

function createSchema(connection: FileConnection): void {
  // Another process may do the same: whoever is second finds that all is there.
  connection.transaction('IMMEDIATE', () => {
    for (const object of OBJECTS) connection.run(`CREATE ${object.replace(/^\w+/u, '$& IF NOT EXISTS')}`);
    connection.run('INSERT OR IGNORE INTO tokens VALUES (0, 0)');
    connection.run(`PRAGMA user_version = ${VERSION}`);
  });
}
