import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect } from 'vitest'
import type { RemovalRule } from '../../../core/send/sender-messages.ts'
import { temporaryDirectory } from '../temporary.ts'
import {
  allSent,
  makeHome,
  offerAll,
  readTree,
  SOURCE,
  senderConfig,
  startListening,
  startTestSender,
  writeFile,
} from '../transfer/transfer.ts'
import { until } from '../until.ts'
import { type Lies, startLiar, type Victim } from './lying-receiver.ts'

export const MIB = 1024 * 1024
export const SMALL = ['a', 'deep/er/b', 'deep/c', 'd', 'e']
/** Asked for before it is sent: the receiver may have a part of it. */
export const LARGE = 'large'
export const MOST_MEMORY = 150 * MIB
export const RETRY_SECONDS = 0.1
/** Every file may be removed as soon as it is durable, if only the receiver proves that it has it. */
export const removal: RemovalRule = { afterMs: 0, marks: [], sentMark: null }

/** What each file is, to the last change of its inode. */
export function readStats(root: string): Record<string, string> {
  const looks: Record<string, string> = {}
  for (const [name, content] of Object.entries(readTree(root))) {
    const { ino, mode, uid, gid, mtimeNs, ctimeNs } = fs.lstatSync(path.join(root, name), { bigint: true })
    looks[name] = [content, ino, mode, uid, gid, mtimeNs, ctimeNs].join(' ')
  }
  return looks
}

/** A sender whose source has a removal rule, and a receiver that lies to it. */
export async function setUp(
  lies: Lies = {},
  retrySeconds = RETRY_SECONDS,
  changes: Parameters<typeof senderConfig>[2] = {},
) {
  const base = temporaryDirectory('lies')
  const home = await makeHome(path.join(base, 'home'))
  for (const name of SMALL) writeFile(home.source, name, randomBytes(3_000))
  writeFile(home.source, LARGE, randomBytes(5 * MIB))
  const before = readStats(home.source)
  const liar = await startLiar(base, home.identity.fingerprint, lies)
  const sender = startTestSender()
  const config = senderConfig(home, liar.at, { retrySeconds, ...changes })
  const sources = config.sources.map((source) => ({ ...source, removal }))
  const files = offerAll(home)
  sender.configure({ ...config, sources })
  const isUntouched = () => {
    expect(readStats(home.source)).toEqual(before)
    expect(liar.faults).toEqual([])
    expect(sender.process.exitCode ?? sender.process.signalCode).toBeNull()
  }
  return {
    ...{ base, home, liar, sender, files, before },
    totals: () => sender.report()?.totals[SOURCE],
    allSent: () => allSent(sender, files),
    isUntouched,
    /** A pass through sent files begins with each connection; what was still being sent then waits for the next. */
    async untilInAPass(what: string, isDone: () => boolean) {
      let droppedAt = performance.now()
      await until(what, () => {
        if (isDone()) return true
        if (performance.now() - droppedAt < 5_000) return false
        droppedAt = performance.now()
        liar.dropAll()
        return false
      })
    },
    /** Nothing is lost: an honest receiver gets all of them. */
    async allArriveAtAnHonestOne() {
      isUntouched()
      const store = path.join(base, 'store')
      const { at } = await startListening(store, [home])
      sender.configure(senderConfig(home, at, { retrySeconds }))
      const wanted = readTree(home.source)
      await until('all files are at the honest receiver', () => {
        expect(readTree(path.join(store, 'sender-1', 'data'))).toEqual(wanted)
        return true
      })
      isUntouched()
    },
  }
}

export type Answer = NonNullable<Lies['answer']>

export const wantAll = (victim: Victim) =>
  victim.send('want', { files: [...SMALL, LARGE].map((name): [string, string] => [SOURCE, name]) })

/** Another lie in each connection, which has to end by it; each asks for all files again. */
export const oneByConnection = (answers: readonly Answer[], told: Set<number>): Lies => ({
  onWelcomed: wantAll,
  answer(frame, victim) {
    const lie = answers[victim.number - 1]
    if (lie === undefined) return false
    const isTold = lie(frame, victim)
    if (isTold) told.add(victim.number)
    if (isTold || frame.type !== 'copy') return isTold
    // So that the content is sent, whatever came before.
    victim.result([frame.header.id], 'unknown')
    return true
  },
})
