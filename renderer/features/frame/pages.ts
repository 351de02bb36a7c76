import { createContext, use } from 'react'
import type { Events } from '../../../core/agent/contract.ts'

export type Page = Events['show']['page']

/**
 * Something on a page that somebody wants to see: an incident by its id, a part of the settings, or "restore" for the
 * destinations. Each wish is a new one.
 */
export interface Place {
  id: string
  /** Ids of what is to be restored: where from, and which source's folder. */
  destination?: string
  source?: string
  /** The pairing code of a link that somebody has followed; the id is "pair". */
  code?: string
}

type OpenPage = (page: Page, place?: Place) => void

export const PagesContext = createContext<OpenPage>(() => undefined)

/** Shows another page, and a place on it. */
export function useOpenPage(): OpenPage {
  return use(PagesContext)
}
