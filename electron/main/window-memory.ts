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
export type KeptStore = Pick<ElectronStore<Record<string, unknown>>, 'store' | 'path'>

/**
 * A failure to read or write only loses the window's state. The store reads the file. It would write in the main
 * thread, which a hanging disk would block: the thread pool writes instead.
 * @param open may throw.
 */
export function openWindowMemory(open: () => KeptStore): WindowMemory {
  const kept = readOrNull(open)
  let memory = kept?.memory ?? {}
  let written = memory
  let writing: Promise<void> | null = null
  const write = async (file: string) => {
    while (written !== memory) {
      const now = memory
      await replaceFile(file, JSON.stringify(now))
      written = now
    }
  }
  return {
    bounds: () => boundsSchema.safeParse(memory.bounds).data ?? null,
    page: () => pageSchema.safeParse(memory.page).data ?? null,
    closeHinted: () => memory.closeHinted === true,
    remember: (news) => {
      memory = { ...memory, ...news }
      if (kept === null || writing !== null) return
      writing = write(kept.file)
        .catch((error) => warnUnlessCode(error, [], 'the place of the window cannot be written'))
        .finally(() => {
          writing = null
        })
    },
    saved: () => writing ?? Promise.resolve(),
  }
}

function readOrNull(open: () => KeptStore): { file: string; memory: Record<string, unknown> } | null {
  try {
    const { path: file, store } = open()
    return { file, memory: store }
  } catch (error) {
    return warnUnlessCode(error, ['ENOENT'], 'the place of the window cannot be read', null)
  }
}
