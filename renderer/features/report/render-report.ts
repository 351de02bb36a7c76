import type { CommandInput, CommandOutput } from '../../../core/agent/contract.ts'
import { describeReport } from '../../../core/report/document.ts'
import { renderCsv } from '../../../core/report/render-csv.ts'
import { renderHtml } from '../../../core/report/render-html.ts'
import { createWords, nearestLanguage } from '../../words/dictionaries.ts'

/** Renders a report as a file that the browser saves, in the language of the page. The browser prints PDF itself. */
export function renderReport(
  report: CommandOutput<'report'>['report'],
  format: CommandInput<'saveReport'>['format'],
): string {
  const language = nearestLanguage(document.documentElement.lang)
  const words = createWords(language, 'window')
  // A spreadsheet recognizes UTF-8 by the mark.
  return format === 'csv'
    ? `\ufeff${renderCsv(report, words)}`
    : renderHtml(describeReport(report, words, language), language)
}
