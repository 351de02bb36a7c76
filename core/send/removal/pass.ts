import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { errorCode } from '../../files/system-error.ts'
import type { Ledger, Removable } from '../../ledger/ledger.ts'
import { isBelowAway, whereabouts } from '../../mounts/whereabouts.ts'
import { createAgeClock } from '../../pacing/age-clock.ts'
import type { Session } from '../destinations/destination.ts'
import type { RemovalRule } from '../messages.ts'
import type { Confirmed } from './confirm.ts'
import { confirm } from './confirm.ts'
import type { Obstacles } from './obstacles.ts'
import { findObstacles, obstacleOf } from './obstacles.ts'
import type { RemovalSource } from './rule.ts'
import { isRemovableName } from './rule.ts'
import type { Ready, RemovalEvents, TakingHost } from './taking.ts'
import { openTaking, PROOF_LASTS_MS } from './taking.ts'
import { nameOf, within } from './within.ts'

/** Sent rows that are looked at in one turn of the event loop. */
const ROWS = 1_000
/** Files that are confirmed, and then removed, together: one write of the ledger that waits for its disk. */
const TOGETHER = 64
/** A look ends after so many files, or directories, in whose way something is: the next one goes on behind them. */
const REFUSALS = 1_000

const ageNow = createAgeClock()

export interface PassHost extends TakingHost {
  session(): Session | null
}

/** What one look knows. */
interface Look {
  source: RemovalSource
  obstacles: Obstacles
  refused: number
}

/** Looks through sources. */
export function openPass(destination: string, ledger: Ledger, events: RemovalEvents, host: PassHost) {
  const taking = openTaking(ledger, events, host)
  /** The row that the last look at a source ended at, before it was through. */
  const endedAt = new Map<string, number>()
  const told = new Set<string>()
  const tellOnce = (source: RemovalSource, why: string) => {
    const text = `${source.path}: sent files are not removed: ${why}`
    if (!told.has(text)) events.log('warn', text)
    told.add(text)
  }

  const judge = async ({ source }: Look, due: Removable, session: Session): Promise<Confirmed> => {
    if (isBelowAway(due.path, ledger.mountsInside(source.id)))
      return { kind: 'not-now', why: 'its disk is away' }
    const where = whereabouts(ledger.home(source.id))
    if (where === 'away') return { kind: 'stop' }
    const mayGoOn = () => host.mayGoOn(source) && !session.closed
    const seal = ledger.sealOf(due.id)
    const asked = { due, source, session, seal, mayGoOn, isHome: where === 'there' }
    try {
      return await within(source, due.path, (directory) => confirm(`${directory}/${nameOf(due.path)}`, asked))
    } catch (thrown) {
      // ENOENT of a directory may also be a disk that went away just now: only a look into it says "absent".
      return { kind: 'not-now', why: errorCode(thrown) ?? String(thrown) }
    }
  }

  /** Writes down what was found instead of the file that was sent. */
  const record = (look: Look, due: Removable, found: Confirmed): void => {
    const file = path.join(look.source.path, due.path)
    if (found.kind === 'absent') ledger.endRemovals([{ id: due.id, end: 'absent' }], Date.now())
    if (found.kind === 'not-now') {
      look.refused += 1
      events.log('info', `${file} is not removed: ${found.why}`)
    }
    if (found.kind !== 'changed' && found.kind !== 'lost') return
    if (found.kind === 'lost')
      events.log('warn', `${file} is not removed: the receiver has it no more; it is sent again`)
    ledger.renew(due, found.facts, 0)
    events.onRemoved()
  }

  /** Confirms some files, and removes those; false: nothing more is to be asked now. */
  const removeSome = async (look: Look, files: readonly Removable[]): Promise<boolean> => {
    const { source, obstacles } = look
    const ready: Ready[] = []
    let goesOn = true
    for (const due of files) {
      if ((await obstacles.of(due.path)) !== null) continue
      const session = host.session()
      goesOn = session !== null && host.mayGoOn(source)
      if (session === null || !goesOn) break
      const found = await judge(look, due, session)
      goesOn = found.kind !== 'stop'
      if (!goesOn) break
      if (found.kind === 'yes') ready.push({ due, device: found.device })
      else record(look, due, found)
    }
    if (ready.length > 0) look.refused += await taking.takeAll(source, ready)
    return goesOn
  }

  /** Looks through the rows behind `after`; null: to their end, else where to go on. */
  const lookThrough = async (look: Look, rule: RemovalRule, from: number): Promise<number | null> => {
    const { source, obstacles } = look
    for (let after = from; ; ) {
      const page = ledger.removable(destination, source.id, ageNow() - rule.afterMs, after, ROWS)
      // What this destination has proven waits for the others, and is not read again before long.
      const isOpen = ({ provenAt }: Removable) => provenAt < Date.now() - PROOF_LASTS_MS
      const files = page.files.filter((due) => isRemovableName(due.path, rule) && isOpen(due))
      for (let index = 0; index < files.length; index += TOGETHER) {
        const some = files.slice(index, index + TOGETHER)
        if (!(await removeSome(look, some))) return after
        after = some.at(-1)?.id ?? after
        if (look.refused + obstacles.count >= REFUSALS) return after
      }
      if (page.last === null) return null
      after = page.last
      await turn()
    }
  }

  return {
    /** Also where no rule is any more: what was begun has to be brought to its end. */
    finishBegun: taking.finishBegun,
    /** @throws what the system says of the source's directory. */
    async remove(source: RemovalSource, rule: RemovalRule): Promise<void> {
      const why = await obstacleOf(source, ledger)
      if (why !== null) return tellOnce(source, why)
      const obstacles = findObstacles(source, rule, (directory, reason) =>
        events.log('info', `${path.join(source.path, directory)}: its files are not removed: ${reason}`),
      )
      const look: Look = { source, obstacles, refused: 0 }
      const ended = await lookThrough(look, rule, endedAt.get(source.id) ?? 0)
      if (ended === null) endedAt.delete(source.id)
      else endedAt.set(source.id, ended)
    },
  }
}
