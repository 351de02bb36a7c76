import { getKind } from '../backends/kinds.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { isOnOtherComputer, isThisComputer } from '../platform/mounts.ts'
import type { DataLayout } from '../settings/data-directory.ts'
import { destinationIds, EMBEDDED_DESTINATION } from '../settings/destinations.ts'
import { isZone } from '../settings/expected/periods.ts'
import type { ShownSettings } from '../settings/schema.ts'
import { findReversed, getLastPeriod, getLocalZone, parsePeriod } from './period.ts'
import type { ReportRequest } from './read-report.ts'
import type { ReportPeriod } from './report-schema.ts'

/** The maker of a report: the computer's name and Holdfast's version, and the present time. */
export interface ReportMaker {
  computer: string
  holdfast: string
  /** Milliseconds since 1970. */
  now: number
}

/**
 * Returns the period that a person asked for.
 * @param text as `parsePeriod` takes it; null: the last whole month
 * @param zone null: that of this computer
 * @throws UserError report.notZone, report.reversed, report.notPeriod
 */
export function choosePeriod(text: string | null, zone: string | null, now: number): ReportPeriod {
  const known = zone ?? getLocalZone()
  if (!isZone(known)) throw new UserError('report.notZone', { zone: known })
  if (text === null) return getLastPeriod('month', now, known)
  const period = parsePeriod(text, known)
  if (period !== null) return period
  const reversed = findReversed(text)
  throw reversed === null
    ? new UserError('report.notPeriod', { text })
    : new UserError('report.reversed', { ...reversed })
}

/** Returns the request for the report of an agent's computer. */
export function requestComputerReport(
  settings: ShownSettings,
  { ledger, history, alerts }: Pick<DataLayout, 'ledger' | 'history' | 'alerts'>,
  period: ReportPeriod,
  maker: ReportMaker,
): ReportRequest {
  const { sources, checkedPaths, destinations, receive } = settings
  const toNamed = ({ id, name }: { id: string; name: string }) => ({ id, name })
  return {
    scope: 'computer',
    ...maker,
    period,
    sources: sources.map(toNamed),
    destinations: [...destinations.map(toNamed), { id: EMBEDDED_DESTINATION, name: EMBEDDED_DESTINATION }],
    here: [
      EMBEDDED_DESTINATION,
      ...destinations
        .filter((one) => {
          if (one.kind === 'folder') return !isOnOtherComputer(one.path)
          const server = getKind(one.kind).getServer(one)
          return server === null || isThisComputer(server.host)
        })
        .map(({ id }) => id),
    ],
    checked: [
      ...sources.map(({ id, path }) => ({ id, name: path })),
      ...checkedPaths.map(({ id, path }) => ({ id, name: path })),
      ...destinations.filter(({ kind }) => kind === 'folder').map(toNamed),
    ],
    rules: sources.flatMap(({ id, expected }) =>
      expected.map(({ pattern, everyMinutes, withinMinutes }) => ({
        ...{ source: id, pattern, everyMinutes, withinMinutes },
      })),
    ),
    routes: sources.flatMap((source) =>
      destinationIds(settings, source).map((destination) => ({ source: source.id, destination })),
    ),
    ...{ ledger, history, alerts },
    store: receive?.directory ?? null,
  }
}

/** Returns the request for the report of a receiver's store. @param alerts the database of the receiver's incidents */
export function requestStoreReport(
  store: string,
  alerts: string,
  period: ReportPeriod,
  maker: ReportMaker,
): ReportRequest {
  return {
    scope: 'store',
    ...maker,
    period,
    ...{ sources: [], destinations: [], here: [], checked: [], rules: [], routes: [] },
    ...{ ledger: null, history: null, alerts, store },
  }
}
