import type { ReportDocument, ReportSection } from './document.ts'

// The report as one HTML file without scripts and without other files, which also prints well on A4.

/** A longer word may break anywhere, so that a table fits on the page. */
const LONG_WORD = /\S{21}/

const STYLE = `
@page { size: A4; margin: 15mm 12mm; }
:root { color-scheme: light; }
body { font: 10.5pt/1.45 system-ui, "Noto Sans TC", "Noto Sans CJK TC", "PingFang TC", "Microsoft JhengHei", sans-serif;
  color: #1b1f24; background: #fff; max-width: 62rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 17pt; line-height: 1.25; margin: 0 0 .6rem; }
h2 { font-size: 12.5pt; margin: 1.7rem 0 .35rem; break-after: avoid; }
p, ul { margin: .3rem 0; } ul { padding-left: 1.2rem; }
.facts { color: #57606a; margin: 0 0 .9rem; } .facts div { display: flex; gap: .5rem; flex-wrap: wrap; }
.facts dt { min-width: 5rem; } .facts dd { margin: 0; }
.notes { list-style: none; border-left: 3px solid #bf8700; padding: .25rem 0 .25rem .8rem; margin: .9rem 0; }
.explain, .more { color: #57606a; font-size: 9.5pt; break-after: avoid; }
table { border-collapse: collapse; width: 100%; margin-top: .45rem; font-size: 9.5pt; }
thead { display: table-header-group; } tr { break-inside: avoid; }
th, td { text-align: left; vertical-align: top; padding: .28rem .5rem; border-bottom: 1px solid #d8dee4; }
.long { overflow-wrap: anywhere; }
th { border-bottom: 1.5px solid #8c959f; font-weight: 600; word-break: keep-all; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.number { white-space: normal; }
@media print { body { margin: 0; padding: 0; max-width: none; } }
`

/** Renders a report as a complete page. Every text is escaped: names of files and computers may contain anything. */
export function renderHtml(report: ReportDocument, language: string): string {
  const { title, facts, summary, notes, sections } = report
  return `<!doctype html>
<html lang="${escapeHtml(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<dl class="facts">${facts
    .map(({ label, value }) => `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd></div>`)
    .join('')}</dl>
${summary.map((sentence) => `<p>${escapeHtml(sentence)}</p>`).join('\n')}
${notes.length === 0 ? '' : `<ul class="notes">${notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul>`}
${sections.map(renderSection).join('\n')}
</body>
</html>
`
}

function renderSection({ title, explain, columns, rows, empty, more }: ReportSection): string {
  const cell = (tag: 'th' | 'td', text: string, isNumber: boolean) => {
    const kind = isNumber ? 'number' : LONG_WORD.test(text) ? 'long' : null
    const name = kind === null ? '' : ` class="${kind}"`
    return `<${tag}${name}${tag === 'th' ? ' scope="col"' : ''}>${escapeHtml(text)}</${tag}>`
  }
  const head = columns.map(({ label, isNumber }) => cell('th', label, isNumber)).join('')
  const body = rows.map(
    (row) =>
      `<tr>${row.map((text, index) => cell('td', text, columns[index]?.isNumber ?? false)).join('')}</tr>`,
  )
  const table =
    rows.length === 0
      ? `<p>${escapeHtml(empty)}</p>`
      : `<table><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table>`
  return `<section>
<h2>${escapeHtml(title)}</h2>
${rows.length === 0 ? '' : `<p class="explain">${escapeHtml(explain)}</p>`}
${table}
${more === null ? '' : `<p class="more">${escapeHtml(more)}</p>`}
</section>`
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (one) => ESCAPES[one] ?? one)
