import { isFiring } from '../notice.ts'
import type { Channel, ChannelInput, ChannelOutcome } from './channel.ts'
import { post } from './http.ts'
import { inBytes, shorten } from './shorten.ts'

/** Healthchecks keeps no more of what a ping says. */
const MOST_BYTES = 10_000

/**
 * A dead-man's switch of Healthchecks' kind: it tells somebody when no ping comes any more, so also when this computer
 * is dead. Besides what is told at once it hears in time whether something fails.
 */
export const ping: Channel = {
  send({ notice, text }, given) {
    return say(isFiring(notice) ? '/fail' : '', text, given)
  },
  beat: {
    everyMs: ({ every = '' }) => Number(every) * 60_000,
    async send(text, isFirst, given) {
      // Others of its kind know no start: what comes after it counts.
      if (isFirst) await say('/start', '', given)
      return text === null ? say('', '', given) : say('/fail', text, given)
    },
  },
}

function say(step: '' | '/start' | '/fail', text: string, given: ChannelInput): Promise<ChannelOutcome> {
  const headers = { 'Content-Type': 'text/plain; charset=utf-8' }
  const body = shorten(text, MOST_BYTES, inBytes)
  return post({ url: addressOf(given.secrets.url ?? '', step), headers, body }, given)
}

/** The check's own address with the step after its path; what is no address stays as it is, and is refused later. */
function addressOf(url: string, step: string): string {
  if (!URL.canParse(url)) return url
  const address = new URL(url)
  address.pathname = address.pathname.replace(/\/+$/, '') + step
  return address.href
}
