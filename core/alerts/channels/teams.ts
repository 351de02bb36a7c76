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

/** Teams accepts messages of 28 KB, including the JSON around the text. */
const MOST_BYTES = 28_000
const MOST_TITLE_BYTES = 500

/** Posts an adaptive card to a webhook of Teams' Workflows. */
export const teams: Channel = {
  send(letter, given) {
    const title = shorten(titleLine(letter), MOST_TITLE_BYTES, inBytes)
    const measure = (text: string) => inBytes(JSON.stringify(buildCard(title, text, letter)))
    const text = shorten(textBesideTitle(letter), MOST_BYTES, measure)
    return post(json(given.secrets.url ?? '', buildCard(title, text, letter)), given)
  },
}

function buildCard(title: string, text: string, { notice, urgent }: OutgoingMessage) {
  const color = isFiring(notice)
    ? urgent
      ? 'Attention'
      : 'Warning'
    : notice.what === 'test' || notice.what === 'report'
      ? 'Default'
      : 'Good'
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: [runs({ text: title, weight: 'Bolder', size: 'Medium', color }), runs({ text })],
    msteams: { width: 'Full' },
  }
  const card = { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content }
  return { type: 'message', attachments: [card] }
}

/** Returns a block of text runs, which have no Markdown: an underscore in a path stays an underscore. */
function runs(run: { text: string; weight?: string; size?: string; color?: string }) {
  return { type: 'RichTextBlock', inlines: [{ type: 'TextRun', ...run }] }
}
