import type { Channel } from './channel.ts'
import { json, post } from './http.ts'
import { shorten } from './shorten.ts'

const MOST_CHARACTERS = 40_000
/** Discord takes Slack's form at /slack, but refuses what is longer. */
const MOST_AT_DISCORD = 2_000

/** An incoming webhook of Slack, Mattermost, or Discord (with /slack at its end). */
export const slack: Channel = {
  send(letter, given) {
    const { url = '' } = given.secrets
    const most = isDiscord(url) ? MOST_AT_DISCORD : MOST_CHARACTERS
    const text = escaped(shorten(letter.text, most, (part) => escaped(part).length))
    // No markup: an underscore in a path is an underscore.
    return post(json(url, { text, mrkdwn: false }), given)
  },
}

/** The three characters that mean something to Slack. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function isDiscord(url: string): boolean {
  return URL.canParse(url) && /(^|\.)discord(app)?\.com$/.test(new URL(url).hostname)
}
