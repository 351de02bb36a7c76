import { openBulk } from '../bulk/bulk.ts'
import type { Journal } from '../bulk/mover.ts'
import { createMover } from '../bulk/mover.ts'
import type { FileFacts } from '../file-facts.ts'
import type { FileRefused, Outcome } from '../file-refused.ts'
import { storeLayout } from '../layout.ts'
import type { Admission } from '../limits/admission.ts'
import { openAdmission } from '../limits/admission.ts'
import { DEFAULT_RULES } from '../limits/rules.ts'
import type { Arrivals } from '../placement/arrivals.ts'
import { createArrivals } from '../placement/arrivals.ts'
import { createCallWatch } from '../placement/call-watch.ts'
import { openCommits } from '../placement/commits.ts'
import { openDirectories } from '../placement/directories.ts'
import type { Placement } from '../placement/placement.ts'
import { openPlacement } from '../placement/placement.ts'
import { openHome } from '../placement/store-disk.ts'
import { openTemporaryFiles } from '../placement/temporary-files.ts'
import { openFindSame } from './comparisons.ts'
import { openCopies } from './copies.ts'
import type { StoreCopy } from './copy.ts'
import { openStoreCopy } from './copy.ts'
import type { StoreLarge } from './large.ts'
import { openStoreLarge } from './large.ts'
import type { Partials } from './partials.ts'
import { openPartials } from './partials.ts'
import { storePartsOf } from './parts.ts'
import type { StoreSmall } from './small.ts'
import { openStoreSmall } from './small.ts'

export type { FileFacts } from '../file-facts.ts'
export type { IncomingFile } from './large.ts'
export type { SmallEvents, SmallIncoming } from './small.ts'

export interface Store {
  /** A connection of the sender with this folder begins. */
  enter: Arrivals['enter']
  receiveAll: StoreSmall
  /** One small file: resolves when it is durable, or says why it is not. Never rejects. */
  receive(facts: FileFacts, bytes: Uint8Array, digest: Uint8Array): Promise<Outcome>
  begin: StoreLarge
  copy: StoreCopy
  /** Runs while nothing is put in this place, given as components below the root. */
  alone: Placement['alone']
  /** These senders may send no longer: nothing waits for them to go on with it. */
  abandon: Partials['abandon']
  /** How long the disk has left its oldest call unanswered, in milliseconds. */
  stalledMs(): number
  /** Removes what earlier processes left; not needed for anything else to work. */
  clean(): Promise<void>
  close(): Promise<void>
}

/** What a store works with besides its disk. */
export interface StoreHooks {
  /** The script of the store's threads; null: every file is stored by itself. */
  thread: URL | null
  /** Hears what is done. */
  journal: Journal
  admission: Admission
}

/** A store without a manifest: no sender has a quota. */
const plainHooks = (root: string): StoreHooks => ({
  thread: null,
  journal: { record: () => Promise.resolve(), announce: () => Promise.resolve() },
  admission: openAdmission(root, DEFAULT_RULES, Promise.resolve(), () => ({ files: 0, bytes: 0 })),
})

export function openStore(
  root: string,
  { thread, journal, admission }: StoreHooks = plainHooks(root),
): Store {
  const layout = storeLayout(root)
  const { record } = journal
  const home = openHome(layout.own)
  const directories = openDirectories(layout.root, home)
  const arrivals = createArrivals()
  const placement = openPlacement(directories, layout.versions, record, arrivals)
  const commits = openCommits(directories, placement, record)
  const temporaries = openTemporaryFiles(layout.temporary, home)
  const watch = createCallWatch()
  const partials = openPartials(layout.partial, admission, home)
  // What is stored goes before what may be; the sender tries again.
  const makeRoom = (folder: string, refusals: readonly (FileRefused | null)[]) => {
    const full = refusals.findLast((refused) => (refused?.missingBytes ?? null) !== null) ?? null
    if (full?.missingBytes == null) return
    void partials.makeRoom(folder, full.missingBytes, full.detail.startsWith('quota'))
  }
  const yielding: Admission = {
    charge: admission.charge,
    async enter(folder, size) {
      const room = await admission.enter(folder, size)
      makeRoom(folder, [room.unlessSame])
      return room
    },
    async enterAll(folder, sizes) {
      const reserved = await admission.enterAll(folder, sizes)
      makeRoom(folder, reserved.unlessSame)
      return reserved
    },
  }
  const findSame = openFindSame(layout.root, home, watch)
  const base = { admission: yielding, findSame, temporaries, watch, partials }
  const mover = createMover(directories, placement, journal, arrivals)
  const bulk = openBulk(layout.root, home, thread, { temporaries, watch, commits, mover })
  const parts = storePartsOf(layout.root, base, commits)

  const receiveAll = openStoreSmall(parts, bulk)

  return {
    enter: arrivals.enter,
    receiveAll,
    receive: (facts, bytes, digest) =>
      new Promise((resolve) => {
        const onStored = (_: number, outcome: Outcome) => resolve(outcome)
        receiveAll([{ facts, bytes, digest }], { onWritten: () => undefined, onStored })
      }),
    begin: openStoreLarge(parts, partials),
    copy: openStoreCopy(parts, openCopies(layout.root, home, temporaries, watch)),
    alone: placement.alone,
    abandon: partials.abandon,
    stalledMs: () => watch.oldestMs(),
    async clean() {
      await Promise.all([temporaries.clean(), partials.load()])
    },
    async close() {
      await bulk.close()
      await partials.close()
      await temporaries.remove()
    },
  }
}
