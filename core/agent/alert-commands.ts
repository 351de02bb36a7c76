import { letterOf } from '../alert/letter.ts'
import { exampleNotice } from '../alert/notice.ts'
import {
  withChannel,
  withChannelChanged,
  withChannelOrder,
  withMuted,
  withoutChannel,
  withoutMuted,
} from '../settings/channels.ts'
import type { Settings } from '../settings/schema.ts'
import { secretOwners, secretsOfChannel } from '../settings/secrets.ts'
import { message } from '../words/message.ts'
import { Problem } from '../words/problem.ts'
import { createWords } from '../words/words.ts'
import type { Agent } from './agent.ts'
import { change, outcomeOf } from './answering.ts'
import type { CommandHandlers } from './contract.ts'

const noIncident = () => new Problem('alert.noIncident')

/** The commands that are about being told. */
export function alertCommands(agent: Agent) {
  const { tell, secrets: kept } = agent
  const set = (update: (settings: Settings) => Settings) => change(agent, () => agent.change(update))
  return {
    acknowledge: ({ id, by }) =>
      outcomeOf(() => {
        if (!tell.alerts.acknowledge(id, by)) throw noIncident()
      }),
    snooze: ({ id, minutes }) =>
      outcomeOf(() => {
        if (!tell.alerts.snooze(id, minutes)) throw noIncident()
      }),
    mute: ({ id, until }) => set((settings) => withMuted(settings, id, until, Date.now())),
    unmute: ({ id }) => set((settings) => withoutMuted(settings, id)),
    addChannel: ({ channel, secrets }) =>
      change(agent, async () => {
        // What is refused leaves no secret behind.
        withChannel(agent.settings.get(), channel)
        await kept.set(secretsOfChannel(channel), secrets)
        agent.change((settings) => withChannel(settings, channel))
      }),
    changeChannel: ({ channel, secrets }) =>
      change(agent, async () => {
        withChannelChanged(agent.settings.get(), channel)
        await kept.set(secretsOfChannel(channel), secrets)
        agent.change((settings) => withChannelChanged(settings, channel))
      }),
    removeChannel: ({ id }) =>
      change(agent, async () => {
        agent.change((settings) => withoutChannel(settings, id))
        await kept.keepOnly(secretOwners(agent.settings.get()))
      }),
    orderChannels: ({ ids }) => set((settings) => withChannelOrder(settings, ids)),
    testChannel: async ({ id }) => {
      const channel = agent.settings.get().alerts.channels.find((one) => one.id === id)
      if (channel !== undefined && kept.unreadable().includes(id))
        return { delivered: false, sentence: message('alert.secretsUnreadable', { name: channel.name }) }
      return tell.notifier.request('test', { channel: id })
    },
    previewTemplate: async ({ type, template }) => {
      const { labels } = agent.settings.get().alerts
      const writer = { words: createWords(agent.language), computer: agent.host.computerName, labels }
      const now = Date.now()
      return { text: letterOf('', exampleNotice('failed', now), writer, { type, template }, now).text }
    },
    timeline: (question) => tell.notifier.request('timeline', question),
  } satisfies Partial<CommandHandlers>
}
