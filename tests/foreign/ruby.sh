# needs ruby:ruby
ruby -e 't = (1..4).map { |n| Thread.new { (1..3000).map { |i| (i * n).to_s } .join.length } }; p t.map(&:value); GC.start; abort "end"'
