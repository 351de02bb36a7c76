/** A state is stored as a number; 1 is written out in the partial indices below. */
export const STATE = { waiting: 0, sent: 1, parked: 2 } as const

/**
 * A route is one source's way to one destination. `total` is kept by triggers, so that no question about
 * sums ever reads the whole table. `ready` and `later` split the waiting files: those that may go now, in
 * the order of their age, and those that wait for their next attempt. `mark_due`: sent, but the file does
 * not carry its group-write mark yet; so a crash between the two is made good at the next start.
 */
const FIRST = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE route (
  id INTEGER PRIMARY KEY,
  destination TEXT NOT NULL,
  source TEXT NOT NULL,
  UNIQUE (destination, source)
);
CREATE TABLE total (
  route INTEGER NOT NULL,
  state INTEGER NOT NULL,
  files INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (route, state)
) WITHOUT ROWID;
CREATE TABLE file (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  route INTEGER NOT NULL,
  path TEXT NOT NULL,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  device INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  generation INTEGER NOT NULL DEFAULT 1,
  attempts INTEGER NOT NULL DEFAULT 0,
  retry_at INTEGER NOT NULL DEFAULT 0,
  sent_at INTEGER,
  reason TEXT,
  mark_due INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX file_path ON file (route, path);
CREATE INDEX file_state ON file (route, state);
CREATE INDEX file_unsent ON file (route, path, state) WHERE state <> 1;
CREATE INDEX file_ready ON file (route, mtime_ns) WHERE state = 0 AND retry_at = 0;
CREATE INDEX file_later ON file (retry_at) WHERE state = 0 AND retry_at > 0;
CREATE INDEX file_mark ON file (route) WHERE mark_due = 1;
CREATE TRIGGER route_totals AFTER INSERT ON route BEGIN
  INSERT INTO total VALUES (new.id, 0, 0, 0), (new.id, 1, 0, 0), (new.id, 2, 0, 0);
END;
CREATE TRIGGER file_added AFTER INSERT ON file BEGIN
  UPDATE total SET files = files + 1, bytes = bytes + new.size WHERE route = new.route AND state = new.state;
END;
CREATE TRIGGER file_removed AFTER DELETE ON file BEGIN
  UPDATE total SET files = files - 1, bytes = bytes - old.size WHERE route = old.route AND state = old.state;
END;
CREATE TRIGGER file_moved AFTER UPDATE OF state, size ON file
WHEN old.state <> new.state OR old.size <> new.size BEGIN
  UPDATE total SET files = files - 1, bytes = bytes - old.size WHERE route = old.route AND state = old.state;
  UPDATE total SET files = files + 1, bytes = bytes + new.size WHERE route = new.route AND state = new.state;
END;
`

/**
 * The digest of what was sent: a sent row has it, if it was sent since there is this column, any other row has
 * none. With it a file that is only renamed need not travel again. The index holds every row: so it is written
 * when a file is offered, and costs nothing more when it is sent, which is what a transfer's speed hangs on.
 */
const CONTENT = `
ALTER TABLE file ADD COLUMN digest BLOB;
CREATE INDEX file_content ON file (inode, mtime_ns);
`

/**
 * Files that Holdfast itself removes at the source after they were sent; see REMOVAL. `removed_at` is in
 * milliseconds since 1970. Only the few rows that are in the middle of it are in the index: a transfer pays nothing.
 */
const REMOVALS = `
ALTER TABLE file ADD COLUMN removal INTEGER NOT NULL DEFAULT 0;
ALTER TABLE file ADD COLUMN removed_at INTEGER;
CREATE INDEX file_removing ON file (route) WHERE removal = 1;
`

/**
 * With several destinations a file is marked, and removed, only when every one has it. `mark_due` = 2: owed, but another
 * destination does not have it yet. `proven_at`: when this destination last read its copy back for a removal,
 * milliseconds since 1970.
 */
const SEVERAL = `
ALTER TABLE file ADD COLUMN proven_at INTEGER;
CREATE INDEX file_mark_later ON file (route) WHERE mark_due = 2;
`

/** now: may be set; later: another destination does not have the file yet. */
export const MARK = { none: 0, now: 1, later: 2 } as const

/**
 * none; begun: it may be under its other name, or gone already; removed: by us; absent: it was not there, and we
 * did not remove it.
 */
export const REMOVAL = { none: 0, begun: 1, removed: 2, absent: 3 } as const

/**
 * What makes a ledger of version n of one of version n - 1; version 0 is an empty database. The version is
 * written to `user_version`; a ledger with a higher one was made by a newer Holdfast. A step that was released
 * is never changed.
 */
export const LEDGER_STEPS: readonly string[] = [FIRST, CONTENT, REMOVALS, SEVERAL]
