import { exampleNotice } from '../../../alerts/incident.ts'
import { renderMessage } from '../../../alerts/render.ts'
import { message } from '../../../lib/i18n/message.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { createWords } from '../../../lib/i18n/words.ts'
import {
  withChannel,
  withChannelChanged,
  withChannelOrder,
  withoutChannel,
} from '../../../settings/changes.ts'
import { withMuted, withoutMuted } from '../../../settings/muting.ts'
import type { Agent } from '../../agent.ts'
import { type HandlersOf, runAction } from '../../answering.ts'
import type { CommandInput } from '../../contract.ts'
import { getActorName } from '../../recording.ts'
import { type SettingsContext, setterFor } from '../../settings-context.ts'
import type { alertsContract } from './contract.ts'

type Services = Pick<Agent, 'alerting' | 'host' | 'language' | 'secrets' | 'settings'>

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function alertsHandlers(agent: Services, context: SettingsContext) {
  const set = setterFor(context)
  const put =
    (update: typeof withChannel) =>
    ({ channel, secrets }: CommandInput<'addChannel'>) =>
      runAction(() =>
        context.change((settings) => update(settings, channel), { id: channel.id, values: secrets }),
      )
  return {
    mute: ({ id, until }) => set((settings) => withMuted(settings, id, until, Date.now())),
    unmute: ({ id }) => set((settings) => withoutMuted(settings, id)),
    addChannel: put(withChannel),
    changeChannel: put(withChannelChanged),
    removeChannel: ({ id }) => set((settings) => withoutChannel(settings, id)),
    orderChannels: ({ ids }) => set((settings) => withChannelOrder(settings, ids)),
    acknowledge: ({ id }) =>
      runAction(() => {
        if (!agent.alerting.alerts.acknowledge(id, getActorName())) throw noIncident()
      }),
    snooze: ({ id, minutes }) =>
      runAction(() => {
        if (!agent.alerting.alerts.snooze(id, minutes)) throw noIncident()
      }),
    testChannel: async ({ id }) => {
      const channel = agent.settings.get().alerts.channels.find((one) => one.id === id)
      if (channel !== undefined && agent.secrets.unreadable().includes(id))
        return { delivered: false, sentence: message('alert.secretsUnreadable', { name: channel.name }) }
      return agent.alerting.notifier.test(id)
    },
    tryChannel: async ({ channel, secrets }) => {
      withChannel(agent.settings.get(), channel)
      return agent.alerting.notifier.try(channel, secrets)
    },
    previewTemplate: async ({ type, template }) => {
      const { labels } = agent.settings.get().alerts
      const writer = { words: createWords(agent.language), computer: agent.host.computerName, labels }
      const now = Date.now()
      return { text: renderMessage('', exampleNotice('failed', now), writer, { type, template }, now).text }
    },
    timeline: (question) => agent.alerting.timeline(question),
    evidence: async ({ id }) => ({ evidence: await agent.alerting.evidence(id) }),
  } satisfies HandlersOf<typeof alertsContract>
}

const noIncident = () => new UserError('alert.noIncident')
