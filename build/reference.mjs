#!/usr/bin/env node
// `npm run reference`: generates docs/commands.md and docs/settings.md. Their tests fail when the files are outdated.
import { writeFile } from 'node:fs/promises'
import { loadProgram } from '../cli/program.ts'
import { markdownReference } from '../cli/reference/markdown.ts'
import { settingsReference } from '../cli/reference/settings.ts'
import { describeCommand } from '../cli/reference/tree.ts'
import { inProject } from './setup/project.mjs'

await writeFile(inProject('docs/commands.md'), markdownReference(describeCommand(await loadProgram())))
await writeFile(inProject('docs/settings.md'), settingsReference())
