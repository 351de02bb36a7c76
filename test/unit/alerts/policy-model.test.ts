import { expect, test } from 'vitest'
import { LONGEST_PAUSE_MINUTES } from '../../../core/settings/bounds.ts'
import { AlertModel, isFiring } from '../../support/alerts/alert-model.ts'
import { createSample } from '../../support/alerts/alert-samples.ts'
import { AlertWorld, type Heard } from '../../support/alerts/alert-world.ts'
import { chooseLength } from '../../support/long.ts'
import { createRandom, newSeed } from '../../support/transfer/transfer.ts'

const RUNS = chooseLength(100, 300)
const STEPS = 200
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

type Fault = readonly [kind: Parameters<typeof createSample>[1], isOwn: boolean]
const WELL: Fault = ['ok', false]
const DISK: readonly Fault[] = [
  ['read-only', false],
  ['hung', false],
  ['io-error', false],
  ['io-error', true],
  ['missing', false],
  ['missing', true],
  ['permission', true],
]

/** Paths of two disks, and two subjects of another kind, which are told only after a while. */
const subjects = [
  ...['a', 'b', 'c'].map((id) => ({ id, group: '/one', faults: DISK, tellAfterMs: 0 })),
  { id: 'd', group: '/two', faults: DISK, tellAfterMs: 0 },
  {
    id: 'there',
    group: 'there',
    faults: [
      ['unreachable', true],
      ['refused', true],
    ] as const,
    tellAfterMs: 5 * MINUTE,
  },
  { id: 'parked', group: 'parked', faults: [['parked', true]] as const, tellAfterMs: 0 },
]
type Subject = (typeof subjects)[number]

/** What comes and goes is told of the disk; what lasts then, too. */
const isNext = (
  { what, incident: { kind, group, isOwn } }: Heard,
  { incident: next }: Pick<Heard, 'incident'>,
) => what === 'unstable' && !isOwn && !next.isOwn && next.kind === kind && next.group === group

/** One course of things at random. */
class Course {
  readonly did: string[] = []
  readonly world = new AlertWorld((heard) => this.model.hear(heard))
  readonly model: AlertModel = new AlertModel(
    this.world,
    (id) => subjects.find((one) => one.id === id)?.tellAfterMs ?? 0,
  )
  readonly #random: () => number
  readonly #truth = new Map<string, Fault>(subjects.map(({ id }) => [id, WELL]))
  readonly #forgottenAt = new Map<string, number>()

  constructor(random: () => number) {
    this.#random = random
  }

  step(): void {
    const share = this.#random()
    if (share < 0.25) this.#change()
    else if (share < 0.35) this.#flap()
    else if (share < 0.45) this.#disk()
    else if (share < 0.8) this.#pass(this.#pick([0.1, 1, 1, 10, 10, 60, 360, 1_200, 3_700, 18_000, 90_000]))
    else if (share < 0.9) this.#person()
    else if (share < 0.94) this.#setClock()
    else if (share < 0.98) this.#restart()
    else this.#forget()
    this.model.look()
  }

  /** Nothing changes any more: then everybody knows how it is. */
  end(): void {
    this.world.muted.clear()
    for (const incident of this.world.state.open) {
      this.world.snooze(incident, null)
      this.model.snoozed(incident, null)
    }
    for (let round = 0; round < 3; round += 1) this.#round(10)
    this.#pass(20 * 60)
    this.#pass(80 * 60)
    this.model.look()
    for (const subject of subjects) this.#expectLastWord(subject)
  }

  #expectLastWord({ id }: Subject): void {
    const incident = this.world.state.open.find(({ failing }) => failing[id] !== undefined)
    const [kind] = this.#truth.get(id) ?? WELL
    expect(incident?.kind ?? 'ok', `what is known of ${id}`).toBe(kind)
    if (incident !== undefined) {
      // It may be the disk's, of which others were told before this path was found to fail, too.
      const told = this.world.heard.findLast((one) => one.incident.id === incident.id)
      const isTold = told !== undefined && isFiring(told)
      expect(isTold || incident.acknowledged !== null, `that ${id} fails was told`).toBe(true)
      return
    }
    const index = this.world.heard.findLastIndex((one) => isFiring(one) && id in one.incident.failing)
    const named = this.world.heard[index]
    if (named === undefined) return
    const isEnd = (one: Heard) => one.about === named.about || id in one.incident.paths || isNext(named, one)
    const isOver = this.world.heard.slice(index).some((one) => !isFiring(one) && isEnd(one))
    const isOpen = this.world.state.open.some(
      (one) => one.id === named.incident.id || isNext(named, { incident: one }),
    )
    const isForgotten = (this.#forgottenAt.get(id) ?? -1) >= named.elapsedMs
    expect(isOver || isOpen || isForgotten, `the last word about ${id} is ${named.what}`).toBe(true)
  }

  #change(): void {
    const subject = this.#pick(subjects)
    const fault = this.#random() < 0.5 ? WELL : this.#pick<Fault>(subject.faults)
    this.#set(subject, fault, this.#random() < 0.7 ? 2 : 1)
  }

  #flap(): void {
    const subject = this.#pick(subjects)
    const fault = this.#pick<Fault>(subject.faults)
    for (let times = 2 + this.#below(5); times > 0; times -= 1) {
      this.#set(subject, fault, 2)
      this.#pass(this.#pick([0.5, 5, 20, 90, 400, 3_800]))
      this.#set(subject, WELL, 1)
      this.#pass(this.#pick([5, 20, 200]))
    }
  }

  #disk(): void {
    const group = this.#pick(['/one', '/one', '/two'])
    const fault = this.#random() < 0.5 ? WELL : this.#pick(DISK.filter(([, isOwn]) => !isOwn))
    for (const one of subjects) if (one.group === group) this.#set(one, fault, 2)
  }

  #person(): void {
    const { open } = this.world.state
    const share = this.#random()
    if (share < 0.4) {
      const { id } = this.#pick(subjects)
      this.did.push(`mute or unmute ${id}`)
      if (!this.world.muted.delete(id)) this.world.muted.add(id)
    } else if (open.length > 0) {
      const incident = this.#pick(open)
      const forMs = share < 0.6 ? this.#pick([null, MINUTE, HOUR, 5 * HOUR, 30 * HOUR]) : undefined
      this.did.push(`${forMs === undefined ? 'acknowledge' : `snooze for ${forMs}`} ${incident.id}`)
      if (forMs === undefined) {
        this.world.acknowledge(incident)
        this.model.acknowledged(incident)
      } else {
        this.world.snooze(incident, forMs)
        this.model.snoozed(incident, forMs)
      }
      // Written down before anything else happens.
      this.#pass(0.2)
    }
  }

  #setClock(): void {
    const by = this.#pick([SECOND, HOUR, DAY, 400 * DAY, LONGEST_PAUSE_MINUTES * MINUTE])
    const sign = this.#random() < 0.5 ? -1 : 1
    const step = sign * by + this.#below(SECOND)
    this.did.push(`clock ${step}`)
    this.world.setWallClock(step)
    this.model.wallClockSet()
  }

  #restart(): void {
    this.did.push('restart')
    this.world.restart()
    this.model.restarted()
    // The first checks of the new run.
    for (let round = 0; round < 2; round += 1) this.#round(1)
  }

  #forget(): void {
    const { id } = this.#pick(subjects)
    this.did.push(`forget ${id}`)
    this.world.forget(id)
    this.#forgottenAt.set(id, this.world.elapsedMs)
  }

  #round(seconds: number): void {
    for (const subject of subjects) this.#set(subject, this.#truth.get(subject.id) ?? WELL, 1)
    this.#pass(seconds)
  }

  #set({ id, group, tellAfterMs }: Subject, fault: Fault, samples: number): void {
    this.#truth.set(id, fault)
    const [kind, isOwn] = fault
    this.did.push(`${id} ${kind}${isOwn ? ' (own)' : ''} ${samples}`)
    for (let count = 0; count < samples; count += 1)
      this.world.observe(createSample(0, kind, { id, group, isOwn, tellAfterMs }))
    this.model.look()
  }

  #pass(seconds: number): void {
    this.did.push(`pass ${seconds}`)
    this.world.pass(seconds * SECOND)
    this.model.look()
  }

  #below(most: number): number {
    return Math.floor(this.#random() * most)
  }

  #pick<T>(all: readonly T[]): T {
    return all[this.#below(all.length)] as T
  }
}

test('alert policy: random events lead to one timely notification of each failure and to its recovery', () => {
  const seed = newSeed('the policy')
  let heard = 0
  for (let run = 0; run < RUNS; run += 1) {
    const course = new Course(createRandom(seed + run))
    try {
      for (let step = 0; step < STEPS; step += 1) course.step()
      course.end()
    } catch (error) {
      const heard = course.world.heard
        .slice(-30)
        .map(({ what, about, elapsedMs, incident: { kind, paths } }) => {
          return `${what} ${about} ${kind} ${Object.keys(paths)} (${elapsedMs / SECOND} s)`
        })
      const course60 = course.did.slice(-100).join('; ')
      throw new Error(`seed ${seed}, run ${run}: ${error}; ${course60}; heard: ${heard.join('; ')}`, {
        cause: error,
      })
    }
    heard += course.world.heard.length
  }
  expect(heard).toBeGreaterThan(RUNS * 20)
})
