import { text } from 'node:stream/consumers'
import { attempt } from '../alerts/channels.ts'

// Sends one letter by mail in a process of its own, which may trust other certificates (NODE_EXTRA_CA_CERTS).
// Standard input: JSON with told, options and secrets; standard output: the outcome.

const { told, options, secrets } = JSON.parse(await text(process.stdin))
const signal = new AbortController().signal
process.stdout.write(JSON.stringify(await attempt('mail', { options, secrets, signal }, told, 3_000)))
