import { letterOf } from '../alert/letter.ts'
import { exampleNotice } from '../alert/notice.ts'
import { message } from '../words/message.ts'
import { Problem } from '../words/problem.ts'
import { createWords } from '../words/words.ts'
import type { Agent } from './agent.ts'
import { done } from './answering.ts'
import type { CommandHandlers } from './contract.ts'

const noIncident = () => new Problem('alert.noIncident')

/** The commands that are about being told. */
export function alertCommands(agent: Agent) {
  const { tell, secrets: kept } = agent
  return {
    acknowledge: ({ id, by }) =>
      done(() => {
        if (!tell.alerts.acknowledge(id, by)) throw noIncident()
      }),
    snooze: ({ id, minutes }) =>
      done(() => {
        if (!tell.alerts.snooze(id, minutes)) throw noIncident()
      }),
    testChannel: async ({ id }) => {
      const channel = agent.settings.get().alerts.channels.find((one) => one.id === id)
      if (channel !== undefined && kept.unreadable().includes(id))
        return { delivered: false, sentence: message('alert.secretsUnreadable', { name: channel.name }) }
      return tell.notifier.ask('test', { channel: id })
    },
    previewTemplate: async ({ type, template }) => {
      const { labels } = agent.settings.get().alerts
      const writer = { words: createWords(agent.language), computer: agent.host.computerName, labels }
      const now = Date.now()
      return { text: letterOf('', exampleNotice('failed', now), writer, { type, template }, now).text }
    },
    timeline: (question) => tell.notifier.ask('timeline', question),
  } satisfies Partial<CommandHandlers>
}
