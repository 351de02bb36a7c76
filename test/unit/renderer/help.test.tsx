import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { findAction, shortcuts } from '../../../renderer/features/frame/use-shortcuts.ts'
import { HelpContent } from '../../../renderer/features/help/help-part.tsx'
import { Markdown, parseBlocks } from '../../../renderer/features/help/markdown.tsx'
import { renderMarkup, renderWords } from './rendered.tsx'

const docs = path.resolve(import.meta.dirname, '../../../docs')
const pages = readdirSync(docs).filter((name) => name.endsWith('.md'))
const guidePages =
  /^(guide|admin|alerts|commands|destinations|filters|migration|restore|troubleshooting)\.md$/
const read = (name: string) => readFileSync(path.join(docs, name), 'utf8')
const manifest = JSON.parse(readFileSync(path.join(docs, '../package.json'), 'utf8'))

test.each(['en', 'zh-TW'] as const)('help in %s: every shortcut of the window is listed', (language) => {
  const words = renderWords(<HelpContent version="1.2.3" />, language)
  const say = createWords(language)
  for (const { word, key } of shortcuts) {
    expect(words).toContain(say({ key: word, params: {} }))
    expect(words.toLowerCase()).toContain(key.slice(0, 3).toLowerCase())
  }
})

test('help: the version and the licence are those of the package, and the diagnostics file is described', () => {
  const words = renderWords(<HelpContent version="1.2.3" />)
  expect(words).toContain('Holdfast 1.2.3')
  expect(words).toContain(`${manifest.license} licence`)
  expect(words).toContain('passwords, tokens and keys are not')
})

test('keyboard shortcuts: each key of the table has its own action', () => {
  const actions = shortcuts.map(({ key, ctrl }) =>
    findAction({ key, ctrlKey: ctrl, metaKey: false, altKey: false, shiftKey: false }),
  )
  expect(actions).toEqual(shortcuts.map(({ action }) => action))
})

test.each(pages)('guide: %s is shown without markup', (name) => {
  const page = (
    <Markdown text={read(name)} isPage={(link) => guidePages.test(link)} onOpen={() => undefined} />
  )
  const markup = renderMarkup(page)
  if (guidePages.test(name)) expect(markup).not.toMatch(/<button[^>]*>[\w-]+\.md</)
  // Code may contain any characters.
  const text = markup.replace(/<(code|style)[^>]*>.*?<\/\1>/gs, '').replace(/<[^>]*>/g, ' ')
  expect(text).not.toMatch(/\]\(|```|\*\*|!\[|(^|\s)\||\{\{/)
  expect(text.length).toBeGreaterThan(200)
})

test('guide: the part for the window comes first, without commands and options of a terminal', () => {
  const [window = '', terminal = ''] = read('guide.md').split('## In a terminal')
  expect(window).not.toMatch(/```|--[a-z]|LC_ALL/)
  expect(terminal).toContain('holdfast folders add /data')
})

test('guide: a link to another page opens it, any other link is text', () => {
  const text = '# Title\n\nSee [alerts](alerts.md#mail), [a site](https://example.org) and ![x](x.png) `a|b`.'
  const markup = renderMarkup(
    <Markdown text={text} isPage={(link) => link === 'alerts.md'} onOpen={() => undefined} />,
  )
  expect(markup).toMatch(/<button[^>]*>alerts<\/button>/)
  expect(markup).not.toContain('<a')
  expect(markup).not.toContain('<img')
  expect(markup).toContain('<code>a|b</code>')
})

test('guide: headings, code, tables, lists and paragraphs are told apart', () => {
  const text = [
    '## A\n\n```sh\n# not a heading\n```\n',
    '| a | b |\n| - | - |\n| 1 | x \\| y |\n',
    '- one\n  more\n\n  ```\n  code\n  ```\n\n- two\n\nThen\n\n1. first\n',
    'End\nof it.',
  ].join('\n')
  const paragraph = (words: string) => ({ kind: 'paragraph', text: words })
  expect(parseBlocks(text)).toEqual([
    { kind: 'heading', level: 2, text: 'A' },
    { kind: 'code', text: '# not a heading' },
    { kind: 'table', head: ['a', 'b'], rows: [['1', 'x | y']] },
    {
      kind: 'list',
      isOrdered: false,
      items: [[paragraph('one more'), { kind: 'code', text: 'code' }], [paragraph('two')]],
    },
    paragraph('Then'),
    { kind: 'list', isOrdered: true, items: [[paragraph('first')]] },
    paragraph('End of it.'),
  ])
})
