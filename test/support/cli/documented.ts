import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { examples } from '../../../cli/examples.ts'

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

/** The commands of the container and of the cloud-init example, from lists such as [holdfast, folders, add, /data]. */
export function deployedCommands(): ReturnType<typeof documentedCommands> {
  return ['Containerfile', 'compose.yaml', 'docs/many/cloud-init.yaml'].flatMap((file) =>
    [
      ...readFileSync(path.join(root, file), 'utf8').matchAll(
        /^.*?(?:(?:\[|, )holdfast, |command: \[|^CMD \[|CMD holdfast )(.*?)(?:\]| \|\|).*$/gm,
      ),
    ].map(([line, words = '']) => ({ file, line, words: splitWords(words.replaceAll(',', ' ')) })),
  )
}

/** The examples below the help of commands, without the variables before them. */
export function exampleCommands(): ReturnType<typeof documentedCommands> {
  return Object.values(examples)
    .flat()
    .map((line) => ({
      ...{ file: 'cli/examples.ts', line },
      words: splitWords(line.replace(/^(?:.* )?holdfast /, '')),
    }))
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
