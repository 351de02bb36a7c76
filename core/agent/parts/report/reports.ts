import type { ReportText } from '../../../alerts/incident.ts'
import { LATE, withTimeout } from '../../../lib/async/timing.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { createWords } from '../../../lib/i18n/words.ts'
import { openThread, type Thread } from '../../../lib/workers/thread.ts'
import { errorText } from '../../../platform/system-error.ts'
import { describeReport } from '../../../report/document.ts'
import {
  getLocalZone,
  getPresentPeriod,
  listPeriods,
  planReport,
  type RegularPeriod,
} from '../../../report/period.ts'
import { renderHtml } from '../../../report/render-html.ts'
import { choosePeriod, requestComputerReport } from '../../../report/report-request.ts'
import type { Report, ReportPeriod } from '../../../report/report-schema.ts'
import type { ReportCalls } from '../../../report/report-thread.ts'
import type { CommandInput, CommandOutput } from '../../contract.ts'
import type { AgentServices, Part } from '../../services.ts'
import type { Alerting } from '../alerts/alerting.ts'

/** Time limit of a report. A hung disk of a store must not let a person wait for ever. */
const WITHIN_MS = 60_000
/** Limit of reports that wait for the thread. Further ones are refused at once. */
const MOST_WAITING = 8
const LISTED_MONTHS = 24
const LISTED_WEEKS = 26
/** Interval in which the schedule is checked, and the pause after a failure, in milliseconds. */
const LOOK_EVERY_MS = 30_000
const AGAIN_AFTER_MS = 10 * 60_000

type Services = Pick<AgentServices, 'settings' | 'layout' | 'host' | 'language' | 'log'> & {
  alerting: Pick<Alerting, 'notifier'>
}

/** True if anything was checked, sent, expected or received in the period. */
const hasRecords = ({ availability, transfers, expected: rules, stations, incidents }: Report): boolean =>
  availability?.some(({ checks }) => checks > 0) === true ||
  transfers?.some(({ durable }) => durable.files > 0) === true ||
  rules?.some(({ expected }) => expected > 0) === true ||
  [stations, incidents].some((list) => list !== null && list.entries.length > 0)

/** Builds reports in a thread, and sends them regularly through channels. */
export class Reports implements Part {
  readonly #agent: Services
  readonly #thread: Thread<ReportCalls> | null
  #lookAt = 0
  /** The schedule of the last look: a change is looked at immediately. */
  #every: RegularPeriod | null | undefined
  #isLooking = false

  constructor(agent: Services) {
    this.#agent = agent
    const { reportThread } = agent.host
    this.#thread = reportThread && openThread<ReportCalls>(reportThread, { youngMb: 64 })
  }

  /** Answers a view. @throws UserError report.notPeriod, report.reversed, report.notZone, report.busy */
  async answer({ period, zone = null }: CommandInput<'report'>): Promise<CommandOutput<'report'>> {
    const now = Date.now()
    const chosen = choosePeriod(period, zone, now)
    const last = await this.read(chosen)
    const present = period === null && !hasRecords(last) ? getPresentPeriod('month', now, chosen.zone) : null
    const report = present === null ? last : await this.read(present)
    const list = (kind: RegularPeriod, most: number) =>
      [getPresentPeriod(kind, now, chosen.zone), ...listPeriods(kind, now, chosen.zone, most)].flatMap(
        (one) => one?.name ?? [],
      )
    return { report, months: list('month', LISTED_MONTHS), weeks: list('week', LISTED_WEEKS) }
  }

  /** @throws UserError report.none, report.busy; the error of the thread if it has ended */
  async read(period: ReportPeriod): Promise<Report> {
    const thread = this.#thread
    if (thread === null) throw new UserError('report.none')
    if (thread.unanswered >= MOST_WAITING) throw new UserError('report.busy')
    const { settings, layout, host } = this.#agent
    const maker = { computer: host.computerName, holdfast: host.version, now: Date.now() }
    const request = requestComputerReport(settings.get(), layout, period, maker)
    const report = await withTimeout(WITHIN_MS, thread.call('read', request))
    if (report === LATE) throw new UserError('report.busy')
    return report
  }

  /** Sends the report of the last period if it is due. */
  tick(now: number): void {
    const { every } = this.#agent.settings.get().report
    if (this.#thread === null || this.#isLooking || (now < this.#lookAt && every === this.#every)) return
    this.#every = every
    this.#isLooking = true
    this.#lookAt = now + LOOK_EVERY_MS
    void this.#sendDue(every, now)
      .catch((error: unknown) => {
        this.#lookAt = Date.now() + AGAIN_AFTER_MS
        this.#agent.log(
          'warn',
          `the regular report could not be made, and is tried again: ${errorText(error)}`,
        )
      })
      .finally(() => {
        this.#isLooking = false
      })
  }

  async close(): Promise<boolean> {
    return (await this.#thread?.close()) ?? true
  }

  async #sendDue(every: RegularPeriod | null, now: number): Promise<void> {
    const { notifier } = this.#agent.alerting
    const found = await notifier.reported()
    // Without the mark, a report that was already sent would be sent again.
    if (found === null) return
    const step = planReport(every, found.mark, now, getLocalZone())
    if (step === null) return
    const text = step.send === null ? null : await this.#write(step.send)
    await notifier.sendReport(text, this.#agent.settings.get().report.channels, step.mark)
  }

  async #write(period: ReportPeriod): Promise<ReportText> {
    const { language } = this.#agent
    const document = describeReport(await this.read(period), createWords(language), language)
    return {
      id: `report ${period.name}`,
      title: document.title,
      body: [...document.summary, ...document.notes].join('\n'),
      attachment: { name: `holdfast-${period.name}.html`, html: renderHtml(document, language) },
    }
  }
}
