import os from 'node:os'
import path from 'node:path'
import { formatDay } from '../../../lib/i18n/formats.ts'
import type { Agent } from '../../agent.ts'
import { type HandlersOf, runAction } from '../../answering.ts'
import { MOST_FOUND } from '../restore/contract.ts'
import type { restoreContract } from './contract.ts'

type Services = Pick<Agent, 'restores' | 'settings'>

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function restoreHandlers({ restores, settings }: Services) {
  return {
    restoreDirectory: async () => ({ path: path.join(os.homedir(), `holdfast-${formatDay(new Date())}`) }),
    restoreComputers: (of) => restores.ask('computers', of, {}),
    async restoreFolders(of) {
      const { folders } = await restores.ask('folders', of, {})
      const known = new Set(settings.get().sources.map(({ id }) => id))
      const toKnownId = (source: string | null) => (source !== null && known.has(source) ? source : null)
      return { folders: folders.map(({ name, source }) => ({ name, source: toKnownId(source) })) }
    },
    restoreList: ({ destination, computer, ...asked }) =>
      restores.ask('list', { destination, computer }, { ...asked, sources: restores.listSources(computer) }),
    restoreSearch: ({ destination, computer, ...asked }) =>
      restores.ask(
        'search',
        { destination, computer },
        { ...asked, sources: restores.listSources(computer), most: MOST_FOUND },
      ),
    restoreChanges: ({ destination, computer, ...asked }) =>
      restores.ask('changes', { destination, computer }, asked),
    restoreVersions: ({ destination, computer, ...asked }) =>
      restores.ask('versions', { destination, computer }, asked),
    restoreStart: (input) => runAction(() => restores.start(input)),
    restoreKept: ({ conflict }) => runAction(() => restores.restoreKept(conflict)),
    restoreStop: () => runAction(() => restores.stop()),
  } satisfies HandlersOf<typeof restoreContract>
}
