ENV DATABASE_PASSWORD=correct-horse-battery

ENV API_TOKEN correct-horse-battery

ARG NPM_TOKEN

ENV PORT=8420 STRIPE_API_KEY=correct-horse-battery
