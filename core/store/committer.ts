import { rmSync } from 'node:fs'
import type { CallHandlers } from '../lib/workers/thread.ts'
import { errorText } from '../platform/system-error.ts'
import { toKey } from './file-system.ts'
import type { StoreLayout } from './layout.ts'
import { Placing } from './link-file.ts'
import { type Handles, StoreHandles } from './open-store.ts'
import { diskCode, FileRefused, type Outcome, toOutcome } from './outcome.ts'
import { pruneSome } from './pruning.ts'
import { recoverRound } from './recovering.ts'
import type { CommitCalls, Remembered, Round, RoundResult, ToPlace } from './store-messages.ts'
import { createSyncing, syncLog } from './syncing.ts'
import { closeQuietly } from './writing.ts'

/** Makes all changes to file names and to the manifest, one job at a time, with blocking calls. */
export function openCommitter(layout: StoreLayout, remembered: Remembered | null) {
  const handles = new StoreHandles(layout, remembered)
  const calls: CallHandlers<CommitCalls> = {
    wake: answering(() => {
      handles.use()
      return null
    }),
    look: answering(() => handles.look()),
    round: (job) => commitRound(() => handles.use(), layout, job),
    source: answering(({ folder, directory }) => handles.use().manifest.getSourceId(folder, directory)),
    wanted: answering(({ folder, after, limit }) => {
      const { manifest } = handles.use()
      return manifest.wanted(folder, after, limit).flatMap(({ source, key }) => {
        const directory = manifest.sourceById(source)?.directory
        const row = manifest.rows.find(source, key, '')
        const path = row !== null && 'path' in row ? row.path : key
        return directory === undefined ? [] : [{ directory, path }]
      })
    }),
    wantSince: answering(({ folder, position }) => {
      handles.use().manifest.wantSince(folder, position)
      return null
    }),
    pin: answering(({ source, path }) => {
      const { manifest, fileSystem, isLogged } = handles.use()
      const isThere = manifest.pin(source, toKey(path, fileSystem))
      if (isThere && isLogged) syncLog(layout)
      return isThere
    }),
    prune: answering((from) => pruneSome(from, { layout, ...handles.use() })),
    rest: answering(() => {
      handles.rest()
      return handles.remembered
    }),
  }
  return { calls, close: () => handles.rest() }
}

/** Copies the disk's error code to a plain error, so that it survives the transfer to the other thread. */
function answering<I, O>(work: (input: I) => O): (input: I) => O {
  return (input) => {
    try {
      return work(input)
    } catch (error) {
      const code = error instanceof FileRefused ? error.detail : diskCode(error)
      throw Object.assign(new Error(errorText(error)), code === null ? {} : { code })
    }
  }
}

async function commitRound(use: () => Handles, layout: StoreLayout, job: Round): Promise<RoundResult> {
  const { files } = job
  const outcomes: Outcome[] = []
  try {
    const now = use()
    const { manifest, tree } = now
    const left = manifest.openRound()
    if (left !== null) recoverRound(left, { layout, ...now })
    const syncing = createSyncing(now, layout, files)
    const failed = await syncing.contents()
    const { position, totals, toSync } = placeAll(now, layout, job, failed, outcomes)
    syncing.names(toSync)
    tree.forget()
    return { outcomes, failure: null, position, totals: [...totals] }
  } catch (error) {
    // The whole round fails: no file in it is reported as durable.
    const failure = toOutcome(error)
    outcomes.splice(0, outcomes.length, ...files.map(() => failure))
    return { outcomes, failure, position: 0, totals: [] }
  } finally {
    closeAll(files, outcomes)
  }
}

/** Names the files and writes their rows, in one transaction of the manifest. */
function placeAll(
  now: Handles,
  layout: StoreLayout,
  { files, directories, sessions }: Round,
  failed: ReadonlyMap<ToPlace, Outcome>,
  outcomes: Outcome[],
) {
  const { manifest, fileSystem } = now
  let toSync: ReadonlySet<string> = new Set()
  const done = manifest.round(
    files.filter(({ fd }) => fd !== null),
    new Map(sessions),
    (changes, version) => {
      const placing = new Placing(now, layout, changes, version)
      for (const file of files) {
        try {
          outcomes.push(failed.get(file) ?? placing.place(file))
        } catch (error) {
          outcomes.push(toOutcome(error))
        }
      }
      for (const { source, path, facts } of directories) changes.told(source, toKey(path, fileSystem), facts)
      toSync = placing.toSync
    },
  )
  return { ...done, toSync }
}

function closeAll(files: readonly ToPlace[], outcomes: readonly Outcome[]): void {
  for (const [index, { fd, temporary }] of files.entries()) {
    if (fd !== null) closeQuietly(fd)
    const status = outcomes[index]?.status
    if (temporary !== null && status !== 'durable' && status !== 'same') rmSync(temporary, { force: true })
  }
}
