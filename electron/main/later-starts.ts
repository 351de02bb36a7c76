import { linkIn } from './arguments.ts'

/** What is used of Electron's `app`. */
interface Application {
  on(
    event: 'second-instance',
    listener: (event: unknown, argv: string[], directory: string, data: unknown) => void,
  ): unknown
  /** Of macOS, instead of a word of a start. */
  on(event: 'open-url', listener: (event: { preventDefault(): void }, address: string) => void): unknown
}

/** What a start names: directories, and the link that it was started for. */
type Take = (directories: string[], link: string | null) => void

export interface LaterStarts {
  /** From now on `take` is called for each; first for those that nobody has taken yet. */
  answer(take: Take): void
}

/**
 * The application was started again: what those starts named is kept until somebody can take it.
 * @param firstLink the link of this very start.
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

/** Of what another start says; another version may say something else. Without zod, which would keep the icon waiting. */
function wordsIn(data: unknown, name: 'directories' | 'links'): string[] {
  if (typeof data !== 'object' || data === null) return []
  const words = (data as Record<string, unknown>)[name]
  return Array.isArray(words) ? words.filter((one) => typeof one === 'string') : []
}
