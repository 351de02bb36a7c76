import { isFiring } from '../incident.ts'
import {
  type Channel,
  inBytes,
  type OutgoingMessage,
  shorten,
  textBesideTitle,
  titleLine,
} from './channel.ts'
import { json, post } from './http.ts'

/** A longer message becomes an attachment, which phones do not display. */
const MOST_BYTES = 4_096
const MOST_TITLE_BYTES = 250
const HIGHEST_PRIORITY = 5
const DEFAULT_PRIORITY = 3

/** Publishes to ntfy.sh, or to a self-hosted server. */
export const ntfy: Channel = {
  send(letter, given) {
    const { server = '', topic = '' } = given.options
    const { token = '' } = given.secrets
    const body = {
      topic,
      title: shorten(titleLine(letter), MOST_TITLE_BYTES, inBytes),
      message: shorten(textBesideTitle(letter), MOST_BYTES, inBytes),
      priority: letter.urgent ? HIGHEST_PRIORITY : DEFAULT_PRIORITY,
      tags: [chooseTag(letter)],
    }
    const headers = token === '' ? {} : { Authorization: `Bearer ${token}` }
    return post(json(server, body, headers), given)
  },
}

/** Returns the tag that ntfy shows as an emoji before the title. */
function chooseTag({ notice, urgent }: OutgoingMessage): string {
  if (notice.what === 'test') return 'bell'
  if (notice.what === 'report') return 'bar_chart'
  if (!isFiring(notice)) return 'white_check_mark'
  return urgent ? 'rotating_light' : 'warning'
}
