import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { app, BrowserWindow, dialog } from 'electron'
import type { Agent } from '../../core/agent/agent.ts'
import type { CommandInput, CommandOutput } from '../../core/agent/contract.ts'
import { message } from '../../core/lib/i18n/message.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import type { Words } from '../../core/lib/i18n/words.ts'
import { replaceFile } from '../../core/platform/files.ts'
import { toReason } from '../../core/platform/system-error.ts'
import type { TrayWindow } from './window.ts'

type Format = CommandInput<'saveReport'>['format']

/**
 * Asks for a path and writes the report of a period; the result's path is null if the user cancels.
 * @throws UserError report.notSaved, and those of `Reports.answer`
 */
export async function saveReport(
  { agent, window, words }: { agent: Agent; window: TrayWindow; words(): Words },
  { period, format }: CommandInput<'saveReport'>,
): Promise<CommandOutput<'saveReport'>> {
  const { canceled, filePath: file } = await dialog.showSaveDialog(window.browser, {
    title: words()(message('dialog.saveReport')),
    defaultPath: path.join(app.getPath('home'), `holdfast-${period}.${format}`),
    filters: [{ name: format.toUpperCase(), extensions: [format] }],
  })
  if (canceled || file === '') return { path: null }
  const content = await render(agent, words(), period, format)
  try {
    await replaceFile(file, content)
  } catch (error) {
    throw new UserError('report.notSaved', { file, reason: toReason(error) }, { cause: error })
  }
  return { path: file }
}

async function render(agent: Agent, words: Words, period: string, format: Format): Promise<string | Buffer> {
  const { report } = await agent.reports.answer({ period })
  // Loaded on demand: the start needs none of them.
  const { renderCsv } = await import('../../core/report/render-csv.ts')
  const { renderHtml } = await import('../../core/report/render-html.ts')
  const { describeReport } = await import('../../core/report/document.ts')
  // A spreadsheet recognizes UTF-8 by the mark.
  if (format === 'csv') return `\ufeff${renderCsv(report, words)}`
  const html = renderHtml(describeReport(report, words, agent.language), agent.language)
  return format === 'html' ? html : printToPdf(html)
}

/** Prints a page without a script by Chromium, in a window that is never shown. */
async function printToPdf(html: string): Promise<Buffer> {
  const directory = await mkdtemp(path.join(app.getPath('temp'), 'holdfast-report-'))
  const printing = new BrowserWindow({
    show: false,
    webPreferences: { sandbox: true, contextIsolation: true, javascript: false, partition: 'report' },
  })
  try {
    const file = path.join(directory, 'report.html')
    await writeFile(file, html, { mode: 0o600 })
    await printing.loadFile(file)
    return await printing.webContents.printToPDF({
      preferCSSPageSize: true,
      printBackground: true,
      generateTaggedPDF: true,
      displayHeaderFooter: true,
      headerTemplate: '<span></span>',
      footerTemplate:
        '<div style="font-size:7pt;width:100%;text-align:center;color:#57606a"><span class="pageNumber"></span> / <span class="totalPages"></span></div>',
    })
  } finally {
    printing.destroy()
    await rm(directory, { recursive: true, force: true })
  }
}
