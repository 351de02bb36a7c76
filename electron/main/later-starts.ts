import { linkIn } from './arguments.ts'

/** The part of Electron's `app` that is used here. */
interface Application {
  on(
    event: 'second-instance',
    listener: (event: unknown, argv: string[], directory: string, data: unknown) => void,
  ): unknown
  /** macOS delivers links by this event instead of as an argument. */
  on(event: 'open-url', listener: (event: { preventDefault(): void }, address: string) => void): unknown
}

/** Receives the directories of a start, and the link that it was started for. */
type Take = (directories: string[], link: string | null) => void

export interface LaterStarts {
  /** Calls `take` for each start from now on, and first for those that are still queued. */
  answer(take: Take): void
}

/**
 * Queues the directories and links of further starts until they are taken.
 * @param firstLink the link of this first start.
 */
export function listenForStarts(app: Application, firstLink: string | null = null): LaterStarts {
  const early: Parameters<Take>[] = firstLink === null ? [] : [[[], firstLink]]
  let take: Take = (...start) => {
    early.push(start)
  }
  app.on('second-instance', (_event, _argv, _workingDirectory, data) => {
    take(wordsIn(data, 'directories'), linkIn(wordsIn(data, 'links')))
  })
  app.on('open-url', (event, address) => {
    event.preventDefault()
    take([], linkIn([address]))
  })
  return {
    answer(next) {
      take = next
      for (const start of early.splice(0)) next(...start)
    },
  }
}

/** Reads the data of another start, which may be another version. Avoids zod, which would delay the tray icon. */
function wordsIn(data: unknown, name: 'directories' | 'links'): string[] {
  if (typeof data !== 'object' || data === null) return []
  const words = (data as Record<string, unknown>)[name]
  return Array.isArray(words) ? words.filter((one) => typeof one === 'string') : []
}
