import type { senderDefinition } from '../send/messages.ts'
import type { Settings } from '../settings/schema.ts'
import type { ReportOf } from '../worker/definition.ts'
import type { Agent } from './agent.ts'
import type { Log } from './log.ts'
import { isHeld } from './state/derived.ts'
import { withSender, withSent } from './state/reports.ts'
import type { AppState } from './state/schema.ts'
import { ownStatusOf } from './state/status.ts'
import { concernsSenders, destinationsNow, senderConfigs } from './workers/configs.ts'
import { Senders } from './workers/senders.ts'

type Parts = Pick<Agent, 'store' | 'secrets' | 'layout' | 'host' | 'notices'>

/** How often it is looked whether receivers are to be told how this computer is. */
const SAY_EVERY_MS = 5_000
/** Files that were given up and are named at most. */
const MOST_NAMED = 20

/** How many files were given up, by destination. */
const parkedOf = (destinations: AppState['destinations']) =>
  destinations.map(({ id, totals }) => `${id} ${totals.parkedFiles}`).join(' ')

/** What the senders have to know, and what becomes of what they say. */
export class Sending {
  readonly senders: Senders
  readonly #parts: Parts
  readonly #permitted: () => Settings
  #isStopped = false
  /** What the receivers were last told of this computer, and when, by the steady clock. */
  #said: ReturnType<typeof ownStatusOf>
  #saidAtMs = 0
  /** The counts whose files are named, or asked for. */
  #named = ''

  /** @param permitted the settings, with the sources that may run. */
  constructor(parts: Parts, permitted: () => Settings, nudge: () => void, log: Log['write']) {
    const { store, host } = parts
    this.#parts = parts
    this.#permitted = permitted
    this.#said = ownStatusOf(store.state)
    this.senders = new Senders(host.starter, {
      report: (destination, report) => this.#reported(destination, report),
      condition: (destination, worker) => store.update(withSender(store.state, destination, worker)),
      nudge,
      log,
    })
  }

  configure(): void {
    // A report that comes while the workers end must not start one of them again.
    if (this.#isStopped) return
    const { store, secrets, layout, host } = this.#parts
    const now = {
      ...destinationsNow(store.state.destinations),
      computerName: host.computerName,
      isHeld: isHeld(store.state),
      secrets: secrets.get(),
      status: this.#said,
    }
    this.senders.configure(senderConfigs(this.#permitted(), layout, now))
  }

  /** Receivers are told how this computer is: who has died cannot tell it himself. */
  sayStatus(isLast = false): void {
    if (!isLast && performance.now() - this.#saidAtMs < SAY_EVERY_MS) return
    this.#saidAtMs = performance.now()
    const said = ownStatusOf(this.#parts.store.state)
    if (JSON.stringify(said) === JSON.stringify(this.#said)) return
    this.#said = said
    this.configure()
  }

  stop(): Promise<void> {
    this.sayStatus(true)
    this.#isStopped = true
    return this.senders.stop()
  }

  #reported(destination: string, report: ReportOf<typeof senderDefinition>): void {
    const { store, notices } = this.#parts
    if (report.notice !== undefined) notices.add(`session ${destination}`, report.notice)
    const { destinations: before } = store.state
    store.update(withSent(store.state, destination, report))
    this.#nameParked()
    // Each hears what the others are at: they share the line, and remove files only together.
    if (concernsSenders(before, store.state.destinations)) this.configure()
  }

  /** Which files were given up: a person has to see to each of them. */
  #nameParked(): void {
    const { store } = this.#parts
    const counts = parkedOf(store.state.destinations)
    if (counts === this.#named) return
    this.#named = counts
    const destinations = store.state.destinations.map(({ id }) => id)
    const question = { source: null, state: 'parked' as const, before: null, limit: MOST_NAMED, destinations }
    this.senders.request('files', question).then(
      ({ files }) => store.update({ parked: files }),
      // The next report asks again: the first sender may have no configuration yet.
      () => {
        this.#named = ''
      },
    )
  }
}
