import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { repeat } from '../repeat.ts'
import { type Home, offerAll, type TestSender } from '../transfer/transfer.ts'

/** A program that opens, changes and closes a file again and again, as the scanner finds it. */
export interface ChangingFile {
  /** How often it has changed. */
  changes(): number
  stop(): void
}

/** Changes the file every `everyMs`, offers it and wakes the sender, until the test ends or it is stopped. */
export function keepChanging(
  { home, sender, everyMs }: { home: Home; sender: Pick<TestSender, 'nudge'>; everyMs: number },
  change: (count: number) => void,
): ChangingFile {
  let count = 0
  const stop = repeat(everyMs, () => {
    count += 1
    change(count)
    offerAll(home)
    sender.nudge()
  })
  return { changes: () => count, stop }
}

/** True if a file is the beginning of another one. */
export function isPrefix(shorter: string, longer: string): boolean {
  const beginning = fs.readFileSync(shorter)
  const whole = fs.readFileSync(longer)
  return beginning.length > 0 && beginning.equals(whole.subarray(0, beginning.length))
}

/** Digests of the contents that a file has had at a destination, in the order in which they were seen. */
export function watchVersions(file: string): { seen: () => { at: number; bytes: number }[] } {
  const seen: { at: number; bytes: number; digest: string }[] = []
  let last = ''
  const look = () => {
    const stats = fs.lstatSync(file, { bigint: true, throwIfNoEntry: false })
    if (stats === undefined) return
    const identity = `${stats.ino}.${stats.mtimeNs}.${stats.size}`
    if (identity === last) return
    last = identity
    const digest = createHash('sha256').update(fs.readFileSync(file)).digest('hex')
    if (seen.at(-1)?.digest !== digest) seen.push({ at: Date.now(), bytes: Number(stats.size), digest })
  }
  repeat(50, look)
  return {
    seen: () => {
      look()
      return seen
    },
  }
}
