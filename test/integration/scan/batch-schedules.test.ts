import { closeSync, existsSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { openEventsForReading, readEvents } from '../../../core/ledger/events.ts'
import { type Ledger, openLedger } from '../../../core/ledger/ledger.ts'
import { EVENT } from '../../../core/ledger/ledger-messages.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { chooseLength } from '../../support/long.ts'
import { DESTINATION } from '../../support/scan/set-up.ts'
import { type ScannerProcess, startScannerProcess } from '../../support/scan/worker.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { createRandom, newSeed } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/** Schedules in all, and those that one scanner process carries out at the same time. */
const SCHEDULES = chooseLength(32, 1_000)
const AT_ONCE = 32
const STEPS = 40

interface Directory {
  name: string
  /** The producer has closed it. */
  closed: boolean
  /** Files that were complete before that. */
  before: string[]
  /** Files that were written later. */
  late: string[]
  /** Number of those that were written when the mark was there. */
  reported: number
  isMarked: boolean
}

/** A producer with several directories at once, and the sender of their files. */
class Schedule {
  readonly id: string
  readonly hasOwnMark: boolean
  readonly directories: Directory[] = []
  readonly violations: string[] = []
  readonly #root: string
  readonly #random: () => number
  readonly #ledger: Ledger
  readonly #held = new Map<number, { directory: Directory; file: string }>()
  #files = 0

  constructor(seed: number, root: string, ledger: Ledger) {
    this.id = `s${seed}`
    this.#random = createRandom(seed)
    this.#root = root
    this.#ledger = ledger
    this.hasOwnMark = this.#random() < 0.7
    mkdirSync(root, { recursive: true })
  }

  get source() {
    const batch = this.hasOwnMark ? { closedMark: 'done.txt' } : {}
    return sourceSchema.parse({ id: this.id, path: this.#root, name: this.id, kind: 'batch', batch })
  }

  get #closedMark(): string {
    return this.hasOwnMark ? 'done.txt' : 'finished.parse'
  }

  step(): void {
    const what = this.#random()
    const directory = this.#pick(this.directories)
    if (directory === undefined || (what < 0.1 && this.directories.length < 4)) this.#create()
    else if (what < 0.45) this.#write(directory)
    else if (what < 0.55) this.#hold(directory)
    else if (what < 0.65) this.#release()
    else if (what < 0.75) this.#close(directory)
    else if (what < 0.9) this.send()
    this.observe()
  }

  /** The producer is done with everything. */
  finish(): void {
    while (this.#held.size > 0) this.#release()
    for (const directory of this.directories) this.#close(directory)
  }

  send(): void {
    const due = this.#ledger.take(DESTINATION, this.id, 1000, Date.now(), new Set())
    this.#ledger.markSent(
      due.map((file) => ({ ...file, mark: false })),
      Date.now(),
    )
  }

  /** Records marks that have appeared, and judges them. */
  observe(): void {
    for (const directory of this.directories) {
      if (directory.isMarked || !existsSync(this.#at(directory, 'finished.watch'))) continue
      directory.isMarked = true
      this.#judge(directory)
    }
  }

  durable(name: string): void {
    const directory = this.directories.find((one) => one.name === name)
    if (directory !== undefined) this.#judge(directory)
  }

  /** Files that are not sent: at the end there must be none. */
  unsent(): string[] {
    const all = this.directories.flatMap(({ name, before, late }) =>
      [...before, ...late, ...(this.hasOwnMark ? ['done.txt'] : [])].map((file) => `${name}/${file}`),
    )
    return all.filter((file) => !this.#isSent(file))
  }

  #judge({ name, closed, before }: Directory): void {
    const isOvertaken = !this.hasOwnMark && this.directories.length > 1
    if (!closed && !isOvertaken) this.violations.push(`${name} is called complete, but is open`)
    if (!closed) return
    const unsent = before.filter((file) => !this.#isSent(`${name}/${file}`))
    if (unsent.length > 0) this.violations.push(`${name} is called complete without ${unsent.join()}`)
  }

  #isSent(file: string): boolean {
    return this.#ledger.lookup(DESTINATION, this.id, file)?.state === 'sent'
  }

  #create(): void {
    const name = `run${this.directories.length}`
    mkdirSync(path.join(this.#root, name, 'InterOp'), { recursive: true })
    this.directories.push({ name, closed: false, before: [], late: [], reported: 0, isMarked: false })
  }

  #name(): string {
    this.#files += 1
    return `${this.#random() < 0.3 ? 'InterOp/' : ''}file${this.#files}${this.#random() < 0.1 ? '.tmp' : ''}`
  }

  #write(directory: Directory): void {
    const file = this.#name()
    // A file with a temporary name is sent when its directory is closed; nobody gives it another name here.
    this.#record(directory, file)
    writeFileSync(this.#at(directory, file), file)
  }

  #hold(directory: Directory): void {
    if (directory.closed) return
    const file = this.#name()
    const fd = openSync(this.#at(directory, file), 'w')
    writeSync(fd, 'half')
    this.#held.set(fd, { directory, file })
  }

  #release(): void {
    const [first] = this.#held
    if (first === undefined) return
    const [fd, { directory, file }] = first
    this.#held.delete(fd)
    this.#record(directory, file)
    writeSync(fd, ' and whole')
    closeSync(fd)
  }

  #record(directory: Directory, file: string): void {
    this.observe()
    const isLate = directory.closed || directory.isMarked
    directory[isLate ? 'late' : 'before'].push(file)
    if (directory.isMarked) directory.reported += 1
  }

  #close(directory: Directory): void {
    const isHeld = [...this.#held.values()].some((one) => one.directory === directory)
    if (directory.closed || isHeld) return
    this.observe()
    directory.closed = true
    writeFileSync(this.#at(directory, this.#closedMark), '')
  }

  #at({ name }: Directory, file: string): string {
    return path.join(this.#root, name, file)
  }

  #pick<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.#random() * all.length)]
  }
}

/** Files that are reported as written after the mark of their directory. */
const lateFiles = (scanner: ScannerProcess, id: string): number =>
  Number(scanner.scanned.get(id)?.problems.find(({ key }) => key === 'scan.lateInBatch')?.params.count ?? 0)

async function run(first: number, count: number): Promise<void> {
  const directory = temporaryDirectory('batch-schedules')
  const ledgerPath = path.join(directory, 'ledger.sqlite')
  const ledger = openLedger(ledgerPath)
  onTestFinished(() => ledger.close())
  const events = openEventsForReading(ledgerPath)
  onTestFinished(() => events?.close())
  const schedules = Array.from(
    { length: count },
    (_, index) => new Schedule(first + index, path.join(directory, `root${index}`), ledger),
  )
  const scanner = startScannerProcess()
  scanner.configure({
    sources: schedules.map(({ source }) => source),
    ledgerPath,
    destinations: [DESTINATION],
    ...defaultSettings.scan,
    reconcileSeconds: 3600,
    quietSeconds: 0.3,
  })
  let seen = 0
  const judgeEvents = () => {
    for (const event of events === null ? [] : readEvents(events, seen, 1_000)) {
      seen = event.seq
      if (event.type !== EVENT.batchDurable) continue
      schedules.find(({ id }) => id === event.source)?.durable(event.path ?? '')
    }
  }
  for (let step = 0; step < STEPS; step += 1) {
    for (const schedule of schedules) schedule.step()
    judgeEvents()
    scanner.nudge()
    await delay(20)
  }
  for (const schedule of schedules) schedule.finish()
  await scanner.reconcile()
  const left = () => schedules.flatMap((one) => one.unsent().map((file) => `${one.id} ${file}`))
  await until(
    'all files are sent, and all directories marked',
    () => {
      for (const schedule of schedules) {
        schedule.send()
        schedule.observe()
      }
      judgeEvents()
      scanner.nudge()
      const unmarked = schedules.flatMap(({ id, directories }) =>
        directories.filter(({ isMarked }) => !isMarked).map(({ name }) => `${id} ${name}`),
      )
      const unreported = schedules.filter(
        ({ id, directories }) =>
          lateFiles(scanner, id) < directories.reduce((sum, { reported }) => sum + reported, 0),
      )
      const open = [...left(), ...unmarked, ...unreported.map(({ id }) => `${id} late files`)]
      if (open.length > 0) throw new Error(open.slice(0, 10).join(', '))
      return true
    },
    120_000,
  )
  expect(schedules.flatMap(({ id, violations }) => violations.map((one) => `${id}: ${one}`))).toEqual([])
  // The next group has a scanner of its own.
  await scanner.stop()
}

test(`overlapping batch directories: ${SCHEDULES} random schedules have no early mark and no unsent file unreported`, {
  timeout: 60_000 + SCHEDULES * 10_000,
}, async () => {
  const seed = newSeed('overlapping batch folders')
  for (let from = 0; from < SCHEDULES; from += AT_ONCE)
    await run(seed + from, Math.min(AT_ONCE, SCHEDULES - from))
})
