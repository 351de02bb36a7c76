import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../../..')

/** README and the pages in docs. */
export function documents(): { file: string; text: string }[] {
  const pages = readdirSync(path.join(root, 'docs')).filter((name) => name.endsWith('.md'))
  const files = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...pages.map((name) => `docs/${name}`)]
  return files.map((file) => ({ file, text: readFileSync(path.join(root, file), 'utf8') }))
}

/** A line of a shell as words; quotes hold one together. */
function splitWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? '',
  )
}

/** Each `holdfast …` of an `sh` block, whoever runs it, without what comes before it and without comments. */
export function documentedCommands(): { file: string; line: string; words: string[] }[] {
  return documents().flatMap(({ file, text }) =>
    [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
      block.split('\n').flatMap((line) => {
        const [, said] =
          /^(?:sudo (?:-u \w+ )?)?(?:npx )?holdfast (.*)$/.exec(line.replace(/ +#.*$/, '')) ?? []
        return said === undefined ? [] : [{ file, line, words: splitWords(said) }]
      }),
    ),
  )
}
