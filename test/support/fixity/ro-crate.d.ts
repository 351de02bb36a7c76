import 'ro-crate'

/** The types of the package leave its validator out. */
declare module 'ro-crate' {
  export class Validator {
    results: readonly { status: string }[]
    parseJSON(text: string): void
    validate(): Promise<void>
  }
}
