import { UserError } from '../../core/lib/i18n/user-error.ts'
import { readSetUpStores } from '../../core/receive/set-up-stores.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import { resolveDataDirectory } from '../ask/data-directory.ts'
import { settingsNow } from '../ask/settings-change.ts'
import { named } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'

/**
 * Returns the store that a command is about: the given one, that of the agent, or the only one of this computer's user.
 * @throws WrongUsage cli.store.none, cli.store.several
 */
export async function chooseStore(options: { store?: string; data?: string }): Promise<string> {
  if (options.store !== undefined) return options.store
  const data = resolveDataDirectory(options)
  const { receive } = await settingsNow(data).catch((error: unknown) => {
    if (error instanceof UserError && error.sentence.key === 'data.missing') return { receive: null }
    throw error
  })
  if (receive !== null) return receive.directory
  const [store, ...others] = await readSetUpStores(getDataLayout(data).setUpStores)
  if (store === undefined) throw new WrongUsage('cli.store.none')
  if (others.length > 0) throw new WrongUsage('cli.store.several', { stores: named([store, ...others]) })
  return store
}
