import { UserError } from '../../lib/i18n/user-error.ts'
import { withChanges, withPause } from '../../settings/changes.ts'
import {
  withChannel,
  withChannelChanged,
  withChannelOrder,
  withMuted,
  withoutChannel,
  withoutMuted,
} from '../../settings/channels.ts'
import { withImported } from '../../settings/import-export.ts'
import type { Settings } from '../../settings/schema.ts'
import { secretOwners, secretsOfChannel } from '../../settings/secrets.ts'
import { runAction } from '../answering.ts'
import type { CommandHandlers, CommandInput } from '../contract.ts'
import { destinationCommands } from '../destination-commands.ts'
import { setReceiving } from '../receiving.ts'
import { refusedSources } from './accept-path.ts'
import type { SettingsContext } from './context.ts'
import { getStorePaths } from './place-folder.ts'
import { sourceCommands } from './source-commands.ts'

/** Returns the handlers of the commands that read or change settings. They need no running agent. */
export function settingsCommands(context: SettingsContext) {
  const set = (update: (settings: Settings) => Settings) => runAction(() => context.change(update))
  return {
    ...sourceCommands(context),
    ...destinationCommands(context),
    ...channelCommands(context),
    pause: ({ minutes }) => set((settings) => withPause(settings, minutes, Date.now())),
    resume: () => set((settings) => ({ ...settings, pause: null })),
    setReceiving: ({ receive }) => runAction(() => setReceiving(context, receive)),
    changeSettings: (changes) => set((settings) => withChanges(settings, changes)),
    importSettings: (input) => runAction(() => importSettings(context, input.settings)),
  } satisfies Partial<CommandHandlers>
}

/**
 * Replaces all settings. Removes the secrets of channels and destinations that no longer exist.
 * @throws UserError refuse.…, alert.channelInSettings; the settings are then unchanged
 */
async function importSettings(context: SettingsContext, imported: Settings): Promise<void> {
  const [refusal] = refusedSources(imported.sources, getStorePaths(imported, context.layout)).values()
  if (refusal !== undefined) throw new UserError(refusal.key, refusal.params)
  context.change((settings) => withImported(settings, imported))
  await context.secrets.keepOnly(secretOwners(context.settings.get()))
}

/** Returns the handlers of the commands for channels and muting. */
function channelCommands(context: SettingsContext) {
  const { secrets: kept } = context
  const set = (update: (settings: Settings) => Settings) => runAction(() => context.change(update))
  const put =
    (update: typeof withChannel) =>
    ({ channel, secrets }: CommandInput<'addChannel'>) =>
      runAction(async () => {
        // Fails before secrets are stored for a channel that is refused.
        update(context.settings.get(), channel)
        await kept.set(secretsOfChannel(channel), secrets)
        context.change((settings) => update(settings, channel))
      })
  return {
    mute: ({ id, until }) => set((settings) => withMuted(settings, id, until, Date.now())),
    unmute: ({ id }) => set((settings) => withoutMuted(settings, id)),
    addChannel: put(withChannel),
    changeChannel: put(withChannelChanged),
    removeChannel: ({ id }) =>
      runAction(async () => {
        context.change((settings) => withoutChannel(settings, id))
        await kept.keepOnly(secretOwners(context.settings.get()))
      }),
    orderChannels: ({ ids }) => set((settings) => withChannelOrder(settings, ids)),
  } satisfies Partial<CommandHandlers>
}
