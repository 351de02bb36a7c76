import type { Agent } from '../agent.ts'
import { outcomeOf } from '../answering.ts'
import type { CommandHandlers } from '../contract.ts'
import { MOST_FOUND } from './contract.ts'

/** The commands that look through destinations and bring files back. */
export function restoreCommandHandlers({ restores, settings }: Agent) {
  return {
    async restoreFolders({ destination }) {
      const { folders } = await restores.ask('folders', destination, {})
      const known = new Set(settings.get().sources.map(({ id }) => id))
      const idOf = (source: string | null) => (source !== null && known.has(source) ? source : null)
      return { folders: folders.map(({ name, source }) => ({ name, source: idOf(source) })) }
    },
    restoreList: ({ destination, ...asked }) => restores.ask('list', destination, asked),
    restoreSearch: ({ destination, ...asked }) =>
      restores.ask('search', destination, { ...asked, most: MOST_FOUND }),
    restoreVersions: ({ destination, ...asked }) => restores.ask('versions', destination, asked),
    restoreStart: (input) => outcomeOf(() => restores.start(input)),
    restoreStop: () => outcomeOf(() => restores.stop()),
  } satisfies Partial<CommandHandlers>
}
