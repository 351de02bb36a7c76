import { withChanges, withPause } from '../../settings/changes.ts'
import {
  withChannel,
  withChannelChanged,
  withChannelOrder,
  withMuted,
  withoutChannel,
  withoutMuted,
} from '../../settings/channels.ts'
import { withImported } from '../../settings/exchange.ts'
import type { Settings } from '../../settings/schema.ts'
import { secretOwners, secretsOfChannel } from '../../settings/secrets.ts'
import { Problem } from '../../words/problem.ts'
import { done } from '../answering.ts'
import type { CommandHandlers } from '../contract.ts'
import { destinationCommands } from '../destination-commands.ts'
import { setReceiving } from '../receiving.ts'
import { refusedSources } from './accept-path.ts'
import type { Desk } from './desk.ts'
import { storesOf } from './place-folder.ts'
import { sourceCommands } from './source-commands.ts'

/** The commands that change the settings, or ask with them; they need no agent that runs. */
export function settingsCommands(desk: Desk) {
  const set = (update: (settings: Settings) => Settings) => done(() => desk.change(update))
  return {
    ...sourceCommands(desk),
    ...destinationCommands(desk),
    ...channelCommands(desk),
    pause: ({ minutes }) => set((settings) => withPause(settings, minutes, Date.now())),
    resume: () => set((settings) => ({ ...settings, pause: null })),
    setReceiving: ({ receive }) => done(() => setReceiving(desk, receive)),
    changeSettings: (changes) => set((settings) => withChanges(settings, changes)),
    importSettings: (input) => done(() => importSettings(desk, input.settings)),
  } satisfies Partial<CommandHandlers>
}

/** What goes takes its secrets along. @throws Problem refuse.…, alert.channelInSettings; nothing is changed then. */
async function importSettings(desk: Desk, imported: Settings): Promise<void> {
  const [refusal] = refusedSources(imported.sources, storesOf(imported, desk.layout)).values()
  if (refusal !== undefined) throw new Problem(refusal.key, refusal.params)
  desk.change((settings) => withImported(settings, imported))
  await desk.secrets.keepOnly(secretOwners(desk.settings.get()))
}

/** The commands that are about who is told. */
function channelCommands(desk: Desk) {
  const { secrets: kept } = desk
  const set = (update: (settings: Settings) => Settings) => done(() => desk.change(update))
  return {
    mute: ({ id, until }) => set((settings) => withMuted(settings, id, until, Date.now())),
    unmute: ({ id }) => set((settings) => withoutMuted(settings, id)),
    addChannel: ({ channel, secrets }) =>
      done(async () => {
        // What is refused leaves no secret behind.
        withChannel(desk.settings.get(), channel)
        await kept.set(secretsOfChannel(channel), secrets)
        desk.change((settings) => withChannel(settings, channel))
      }),
    changeChannel: ({ channel, secrets }) =>
      done(async () => {
        withChannelChanged(desk.settings.get(), channel)
        await kept.set(secretsOfChannel(channel), secrets)
        desk.change((settings) => withChannelChanged(settings, channel))
      }),
    removeChannel: ({ id }) =>
      done(async () => {
        desk.change((settings) => withoutChannel(settings, id))
        await kept.keepOnly(secretOwners(desk.settings.get()))
      }),
    orderChannels: ({ ids }) => set((settings) => withChannelOrder(settings, ids)),
  } satisfies Partial<CommandHandlers>
}
