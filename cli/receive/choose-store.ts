import { UserError } from '../../core/lib/i18n/user-error.ts'
import { readSetUpStores } from '../../core/receive/set-up-stores.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import type { SenderAlerts } from '../../core/settings/schema.ts'
import { resolveDataDirectory } from '../ask/data-directory.ts'
import { settingsNow } from '../ask/settings-change.ts'
import { named } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'

type ChosenStore = { directory: string } & Partial<SenderAlerts>

/**
 * Returns the store that a command is about: the given one, that of the agent with its settings, or the only one of this
 * computer's user.
 * @throws WrongUsage cli.store.none, cli.store.several
 */
export async function chooseStore(options: { store?: string; data?: string }): Promise<ChosenStore> {
  if (options.store !== undefined) return { directory: options.store }
  const data = resolveDataDirectory(options)
  const { receive } = await settingsNow(data).catch((error: unknown) => {
    if (error instanceof UserError && error.sentence.key === 'data.missing') return { receive: null }
    throw error
  })
  if (receive !== null) return receive
  const [store, ...others] = await readSetUpStores(getDataLayout(data).setUpStores)
  if (store === undefined) throw new WrongUsage('cli.store.none')
  if (others.length > 0) throw new WrongUsage('cli.store.several', { stores: named([store, ...others]) })
  return { directory: store }
}
