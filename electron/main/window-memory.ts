import path from 'node:path'
import type ElectronStore from 'electron-store'
import { z } from 'zod'
import { type Events, events } from '../../core/agent/contract.ts'
import { warnUnlessCode } from '../../core/dropped-errors.ts'
import { replaceFile } from '../../core/platform/files.ts'
import type { Rectangle } from './window-place.ts'

type Page = Events['show']['page']
const pageSchema = events.show.shape.page
const boundsSchema = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() })

/** Persistent state of the window: its bounds, the last page, and whether the closing hint was shown. */
export interface WindowMemory {
  /** null if nothing is stored or it cannot be read. */
  bounds(): Rectangle | null
  page(): Page | null
  /** Returns without waiting for the disk. */
  remember(news: { bounds?: Rectangle; page?: string; closeHinted?: true }): void
  /** True if the user has seen the hint that closing the window does not end the application. */
  closeHinted(): boolean
  /** Resolves when the last change is written, or could not be. */
  saved(): Promise<void>
}

/** The part of electron-store that is used here. */
export type KeptStore = Pick<ElectronStore<Record<string, unknown>>, 'get' | 'set' | 'path'>

/**
 * A failure to read or write only loses the window's state. The store writes in the main thread, which a hanging disk
 * would block: it is called only after a thread of the pool has written beside it.
 * @param open may throw.
 */
export function openWindowMemory(open: () => KeptStore): WindowMemory {
  const store = orNull(open)
  let news = {}
  let isHinted = store?.get('closeHinted') === true
  let page = pageSchema.safeParse(store?.get('page')).data ?? null
  let writing: Promise<void> | null = null
  const write = async (to: KeptStore) => {
    while (Object.keys(news).length > 0) {
      await replaceFile(path.join(path.dirname(to.path), '.window-written'), '')
      const now = news
      news = {}
      to.set(now)
    }
  }
  return {
    bounds: () => boundsSchema.safeParse(store?.get('bounds')).data ?? null,
    page: () => page,
    closeHinted: () => isHinted,
    remember: (more) => {
      isHinted ||= more.closeHinted === true
      page = pageSchema.safeParse(more.page).data ?? page
      news = { ...news, ...more }
      if (store === null || writing !== null) return
      writing = write(store)
        .catch((error) => warnUnlessCode(error, [], 'the place of the window cannot be written'))
        .finally(() => {
          writing = null
        })
    },
    saved: () => writing ?? Promise.resolve(),
  }
}

function orNull(open: () => KeptStore): KeptStore | null {
  try {
    return open()
  } catch (error) {
    return warnUnlessCode(error, ['ENOENT'], 'the place of the window cannot be read', null)
  }
}
