# Sidekiq as those see it who push jobs: one at once, one for later, many, and the statistics. Workers block, which is refused.
# debian: ruby-sidekiq ruby-redis
require "logger"
require "sidekiq"
require "sidekiq/api"

Redis.silence_deprecations = true if defined?(Redis) && Redis.respond_to?(:silence_deprecations=)

class Job
  include(defined?(Sidekiq::Job) ? Sidekiq::Job : Sidekiq::Worker)
end

Sidekiq.logger.level = Logger::WARN
Sidekiq.configure_client { |config| config.redis = { url: ENV["REDIS_URL"] } }
Job.perform_async(1) or abort "not pushed"
Job.perform_in(3600, 2) or abort "not scheduled"
Sidekiq::Client.push_bulk("class" => Job, "args" => [[3], [4]])
stats = Sidekiq::Stats.new
[stats.enqueued, stats.scheduled_size, stats.processed] == [3, 1, 0] or abort "stats: #{stats.inspect}"
Sidekiq::Queue.new.map { |job| job.args.first }.sort == [1, 3, 4] or abort "queue"
Sidekiq::Queue.new.clear
Sidekiq::ScheduledSet.new.clear
