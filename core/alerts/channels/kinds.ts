import { message } from '../../lib/i18n/message.ts'
import type { ChannelType } from './catalog.ts'
import { type Channel, type ChannelInput, type ChannelOutcome, quote } from './channel.ts'
import { command } from './command.ts'
import { getReason } from './http.ts'
import { line, lineNotify } from './line.ts'
import { mail } from './mail.ts'
import { ntfy } from './ntfy.ts'
import { ping } from './ping.ts'
import { slack } from './slack.ts'
import { teams } from './teams.ts'
import { telegram } from './telegram.ts'
import { webhook } from './webhook.ts'

const channels: Readonly<Record<ChannelType, Channel>> = {
  line,
  'line-notify': lineNotify,
  mail,
  ntfy,
  slack,
  teams,
  telegram,
  webhook,
  command,
  ping,
}

export function getChannel(type: ChannelType): Channel {
  const { send, beat } = channels[type]
  return {
    send: (letter, given) => guarded(() => send(letter, given), given),
    ...(beat && {
      beat: {
        ...beat,
        send: (text, isFirst, given) => guarded(() => beat.send(text, isFirst, given), given),
      },
    }),
  }
}

/** Turns an error thrown by a library into an outcome. */
async function guarded(
  attempt: () => Promise<ChannelOutcome>,
  { secrets }: ChannelInput,
): Promise<ChannelOutcome> {
  try {
    return await attempt()
  } catch (error) {
    const reason = message('channel.broken', { reason: quote(getReason(error), secrets) })
    return { did: 'retry', afterMs: null, reason }
  }
}
