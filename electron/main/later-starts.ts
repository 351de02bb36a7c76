/** What is used of Electron's `app`. */
interface Application {
  on(
    event: 'second-instance',
    listener: (event: unknown, argv: string[], directory: string, data: unknown) => void,
  ): unknown
}

export interface LaterStarts {
  /** From now on `take` is called for each; first for those that nobody has taken yet. */
  answer(take: (directories: string[]) => void): void
}

/** The application was started again: what those starts named is kept until somebody can take it. */
export function listenForStarts(app: Application): LaterStarts {
  const early: string[][] = []
  let take = (directories: string[]): void => {
    early.push(directories)
  }
  app.on('second-instance', (_event, _argv, _workingDirectory, data) => {
    take(directoriesIn(data))
  })
  return {
    answer(next) {
      take = next
      for (const directories of early.splice(0)) next(directories)
    },
  }
}

/** Of what another start says; another version may say something else. Without zod, which would keep the icon waiting. */
function directoriesIn(data: unknown): string[] {
  if (typeof data !== 'object' || data === null || !('directories' in data)) return []
  const { directories } = data
  return Array.isArray(directories) ? directories.filter((one) => typeof one === 'string') : []
}
