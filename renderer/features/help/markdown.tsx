import { Box, UnstyledButton } from '@mantine/core'
import type { ReactNode } from 'react'
import { withKeys } from '../../ui/with-keys.ts'

/** A block of a page: the Markdown that docs/ uses, no more. */
export type Block =
  | { kind: 'heading'; level: number; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'table'; head: string[]; rows: string[][] }
  | { kind: 'list'; isOrdered: boolean; items: Block[][] }
  | { kind: 'paragraph'; text: string }

const ITEM = /^(?:[-*]|(\d+)\.) +/

/** Splits a page into its blocks. Pictures are left out: they show the window that the reader has open. */
export function parseBlocks(page: string): Block[] {
  const blocks: Block[] = []
  const lines = page.replace(/!\[[^\]]*\]\([^)]*\)/g, '').split('\n')
  const takeWhile = (fits: (line: string) => boolean): string[] => {
    const end = lines.findIndex((line) => !fits(line))
    return lines.splice(0, end < 0 ? lines.length : end)
  }
  while (lines.length > 0) {
    const line = lines[0] ?? ''
    const heading = /^(#+) (.*)$/.exec(line)
    if (line.trim() === '') lines.shift()
    else if (heading !== null) {
      lines.shift()
      blocks.push({ kind: 'heading', level: heading[1]?.length ?? 1, text: heading[2] ?? '' })
    } else if (line.startsWith('```')) {
      lines.shift()
      blocks.push({ kind: 'code', text: takeWhile((one) => !one.startsWith('```')).join('\n') })
      lines.shift()
    } else if (line.startsWith('|')) blocks.push(...parseTable(takeWhile((one) => one.startsWith('|'))))
    else if (ITEM.test(line)) {
      const isOrdered = ITEM.exec(line)?.[1] !== undefined
      const items: Block[][] = []
      while (ITEM.test(lines[0] ?? '')) items.push(parseBlocks(takeItem(lines)))
      blocks.push({ kind: 'list', isOrdered, items })
    } else {
      const text = takeWhile((one) => one.trim() !== '' && !/^(#|```|\||- )/.test(one))
      blocks.push({ kind: 'paragraph', text: text.join(' ') })
    }
  }
  return blocks
}

/** The second row separates the head; a table of pictures has no text left in its rows. */
function parseTable([head = '', , ...rows]: string[]): Block[] {
  const toCells = (row: string) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|'))
  const cells = rows.map(toCells)
  return cells.flat().every((cell) => cell === '')
    ? []
    : [{ kind: 'table', head: toCells(head), rows: cells }]
}

/** Takes an item of a list, without its mark: the indented lines after the first belong to it. */
function takeItem(lines: string[]): string {
  const first = lines.shift() ?? ''
  const mark = ITEM.exec(first)?.[0] ?? ''
  const end = lines.findIndex((line) => line.trim() !== '' && !/^ {2}/.test(line))
  const rest = lines.splice(0, end < 0 ? lines.length : end)
  const indentation = new RegExp(`^ {1,${mark.length}}`)
  return [first.slice(mark.length), ...rest.map((line) => line.replace(indentation, ''))].join('\n')
}

interface MarkdownProps {
  text: string
  /** True if a link leads to another page of the guide. */
  isPage: (link: string) => boolean
  onOpen: (link: string) => void
}

/** Shows a page of the documentation. Links to other places are text: the window opens no address. */
export function Markdown({ text, ...links }: MarkdownProps) {
  return <Blocks blocks={parseBlocks(text)} {...links} />
}

function Blocks({ blocks, ...links }: { blocks: readonly Block[] } & Omit<MarkdownProps, 'text'>) {
  return withKeys(blocks, (block) => JSON.stringify(block)).map(({ key, item }) => (
    <BlockView key={key} block={item} {...links} />
  ))
}

function BlockView({ block, ...links }: { block: Block } & Omit<MarkdownProps, 'text'>) {
  const inline = (text: string) => <Inline text={text} {...links} />
  switch (block.kind) {
    case 'heading': {
      // The dialog's title is the heading above.
      const Heading = block.level < 3 ? 'h3' : 'h4'
      return <Heading>{inline(block.text)}</Heading>
    }
    case 'code':
      return (
        <Box component="pre" tabIndex={0}>
          <code>{block.text}</code>
        </Box>
      )
    case 'table':
      return (
        <Box className="guide-table" tabIndex={0}>
          <table>
            <thead>
              <tr>{block.head.map((cell) => cell !== '' && <th key={cell}>{inline(cell)}</th>)}</tr>
            </thead>
            <tbody>
              {block.rows.map((row) => (
                <tr key={row.join('|')}>
                  {withKeys(row, (cell) => cell).map(({ key, item }) => (
                    <td key={key}>{inline(item)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Box>
      )
    case 'list': {
      const List = block.isOrdered ? 'ol' : 'ul'
      return (
        <List>
          {block.items.map((item) => (
            <li key={JSON.stringify(item)}>
              <Blocks blocks={item} {...links} />
            </li>
          ))}
        </List>
      )
    }
    case 'paragraph':
      return <p>{inline(block.text)}</p>
    default:
      return block satisfies never
  }
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)]+)\)|<(https?:[^>]+)>/g

function Inline({ text, isPage, onOpen }: MarkdownProps) {
  const parts: ReactNode[] = []
  let end = 0
  for (const found of text.matchAll(INLINE)) {
    const [whole, code, bold, label, link, address] = found
    parts.push(text.slice(end, found.index))
    end = found.index + whole.length
    const key = found.index
    const page = link?.replace(/#.*$/, '') ?? ''
    if (code !== undefined) parts.push(<code key={key}>{code}</code>)
    else if (bold !== undefined) parts.push(<strong key={key}>{bold}</strong>)
    else if (isPage(page)) {
      parts.push(
        <UnstyledButton key={key} className="guide-link" onClick={() => onOpen(page)}>
          <Inline text={label ?? ''} isPage={isPage} onOpen={onOpen} />
        </UnstyledButton>,
      )
    } else
      parts.push(
        label === undefined ? address : <Inline key={key} text={label} isPage={isPage} onOpen={onOpen} />,
      )
  }
  parts.push(text.slice(end))
  return parts
}
