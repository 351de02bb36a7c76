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
import { done } from '../answering.ts'
import type { CommandHandlers, CommandInput } from '../contract.ts'
import { destinationCommands } from '../destination-commands.ts'
import { setReceiving } from '../receiving.ts'
import { refusedSources } from './accept-path.ts'
import type { SettingsContext } from './context.ts'
import { storesOf } from './place-folder.ts'
import { sourceCommands } from './source-commands.ts'

/** The commands that change the settings, or ask with them; they need no agent that runs. */
export function settingsCommands(context: SettingsContext) {
  const set = (update: (settings: Settings) => Settings) => done(() => context.change(update))
  return {
    ...sourceCommands(context),
    ...destinationCommands(context),
    ...channelCommands(context),
    pause: ({ minutes }) => set((settings) => withPause(settings, minutes, Date.now())),
    resume: () => set((settings) => ({ ...settings, pause: null })),
    setReceiving: ({ receive }) => done(() => setReceiving(context, receive)),
    changeSettings: (changes) => set((settings) => withChanges(settings, changes)),
    importSettings: (input) => done(() => importSettings(context, input.settings)),
  } satisfies Partial<CommandHandlers>
}

/** What goes takes its secrets along. @throws UserError refuse.…, alert.channelInSettings; nothing is changed then. */
async function importSettings(context: SettingsContext, imported: Settings): Promise<void> {
  const [refusal] = refusedSources(imported.sources, storesOf(imported, context.layout)).values()
  if (refusal !== undefined) throw new UserError(refusal.key, refusal.params)
  context.change((settings) => withImported(settings, imported))
  await context.secrets.keepOnly(secretOwners(context.settings.get()))
}

/** The commands that are about who is told. */
function channelCommands(context: SettingsContext) {
  const { secrets: kept } = context
  const set = (update: (settings: Settings) => Settings) => done(() => context.change(update))
  const put =
    (update: typeof withChannel) =>
    ({ channel, secrets }: CommandInput<'addChannel'>) =>
      done(async () => {
        // What is refused leaves no secret behind.
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
      done(async () => {
        context.change((settings) => withoutChannel(settings, id))
        await kept.keepOnly(secretOwners(context.settings.get()))
      }),
    orderChannels: ({ ids }) => set((settings) => withChannelOrder(settings, ids)),
  } satisfies Partial<CommandHandlers>
}
