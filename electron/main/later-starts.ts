import { z } from 'zod'

const lockDataSchema = z.object({ directories: z.array(z.string()) })

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
    const told = lockDataSchema.safeParse(data)
    take(told.success ? told.data.directories : [])
  })
  return {
    answer(next) {
      take = next
      for (const directories of early.splice(0)) next(directories)
    },
  }
}
