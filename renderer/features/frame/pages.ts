import { createContext, use } from 'react'
import type { Events } from '../../../core/agent/contract.ts'
import type { SourceState } from '../../../core/agent/state/schema.ts'

export type Page = Events['show']['page']

/** A request to a page to show something. Each request is a new object. */
export type Place = IncidentPlace | SettingPlace | PairRequest | RestoreRequest

/** An incident on the alerts page. */
export interface IncidentPlace {
  kind: 'incident'
  id: string
}

/** A setting, a section of the settings, or their search. */
export interface SettingPlace {
  kind: 'setting'
  id: string
}

/** The dialog on the page of destinations that adds one. */
export interface PairRequest {
  kind: 'pair'
  /** The pairing code of a link that the user followed. */
  code?: string
}

/** The restore on the page of destinations. */
export interface RestoreRequest {
  kind: 'restore'
  /** Ids of the destination to restore from, and of the source whose folder to show. */
  destination?: string
  source?: string
  /** Only files of it that are missing on this computer. */
  missingOnly?: boolean
  /** The dialog that puts all of them back is opened. */
  putsBack?: boolean
}

type OpenPage = (page: Page, place?: Place) => void

export const PagesContext = createContext<OpenPage>(() => undefined)

/** Returns the function that opens a page, optionally at a place. */
export function useOpenPage(): OpenPage {
  return use(PagesContext)
}

/** Returns the function that opens the restore of a source: of all files, or only of those that are missing here. */
export function useOpenRestore() {
  const openPage = useOpenPage()
  return ({ settings, destinations, scanned, totals }: SourceState, missingOnly = false) => {
    const deleted = ({ totals }: (typeof destinations)[number]) => (missingOnly ? totals.deletedFiles : 0)
    // The one that keeps the most of them: others may have been added later.
    const [from] = destinations.toSorted((one, other) => deleted(other) - deleted(one))
    // Files that Holdfast removed, and those deleted long ago, are missing on purpose: the user chooses in the list.
    const putsBack =
      missingOnly && totals.removedFiles === 0 && scanned?.deleted?.files === totals.deletedFiles
    openPage('destinations', {
      ...{ kind: 'restore', source: settings.id, missingOnly, putsBack },
      ...(from && { destination: from.id }),
    })
  }
}
